import { bytesOf, hex } from './block-header.js';
import { spvVerifier } from './op-return.verifier.js';
import { commitmentRoot, taprootScript } from './taproot-output.js';

/** Evidence type of a commitment in the tweak of a taproot output's key. */
export const TAPROOT_EVIDENCE = 'bitcoin-taproot/1';

/**
 * Checks `bitcoin-taproot/1`: as `bitcoin-op-return/1`, of an output that the internal key and the commitment together are
 * the only way to. The script tree has the one leaf `OP_RETURN <commitment>`, so it need not be told.
 */
export const taprootVerifier = spvVerifier(
  TAPROOT_EVIDENCE,
  ['internal_key'],
  async (digest, body) => {
    const key = bytesOf(body['internal_key']);
    const expected =
      key && digest.length === 32 ? await taprootScript(key, commitmentRoot(digest)) : undefined;
    return (script) => expected !== undefined && hex(script) === hex(expected);
  },
);
