import type { EvidenceVerifier, JsonObject } from '@wattproof/core/spi';
import { equal, fromHex, toHex, verifyInclusion } from '@wattproof/core/verify';
import { type BlockHeader, readHeader } from './block-header.js';
import { readTransaction, transactionId, transactionLeaf } from './transaction.js';

/** The number grows when the body of the evidence changes. */
export const TALLY_EVIDENCE = 'tally-memo/1';

const refuse = (code: string, detail: string) => ({ ok: false, code, detail }) as const;

/**
 * Transaction → its place in the block's tree → the header → the header source. What nobody gave headers for is
 * the operator's word and says so.
 */
export const verifier: EvidenceVerifier = {
  type: TALLY_EVIDENCE,
  async verify({ digest }, { ledger, trust, body }, { headers }) {
    if (trust !== 'rpc-quorum')
      return refuse('tally_trust', `headers of Tally prove rpc-quorum, not ${trust}`);
    const read = readBody(body);
    if (read === undefined)
      return refuse('tally_shape', `not the shape of ${TALLY_EVIDENCE}: tx, header, index, path`);
    const { tx, memo, headerBytes, header, index, path } = read;
    if (!/^tally:[a-z0-9-]{1,32}$/.test(ledger))
      return refuse('tally_ledger', `"${ledger}" does not name a Tally`);
    if (memo !== toHex(digest))
      return refuse('tally_commitment', `the transaction carries ${memo}`);
    const place = { profile: 'rfc9162', leaf: transactionLeaf(tx), index, path } as const;
    if (!verifyInclusion({ ...place, size: header.count, root: header.root }))
      return refuse('tally_not_in_block', `block ${header.height} does not hold the transaction`);
    const statement = `transaction ${transactionId(tx)} in block ${header.height} of ${ledger}`;
    const known = await headers?.header(ledger, { height: header.height });
    if (known === undefined)
      return {
        ok: true,
        trust: 'operator',
        statement: `${statement}; no header was given for this height, so that the block is Tally's is the operator's word`,
        notAfterMs: header.timeMs,
      };
    if (!equal(known, headerBytes))
      return refuse('tally_other_block', `the given headers have another block ${header.height}`);
    return {
      ok: true,
      trust: 'rpc-quorum',
      statement: `${statement}, which the given headers confirm`,
      notAfterMs: header.timeMs,
    };
  },
};

interface Body {
  readonly tx: Uint8Array;
  readonly memo: string;
  readonly headerBytes: Uint8Array;
  readonly header: BlockHeader;
  readonly index: number;
  readonly path: readonly Uint8Array[];
}

/** Every member is checked and nothing else is let in; undefined when something is wrong. */
function readBody(body: JsonObject): Body | undefined {
  const { tx, header, index, path, ...rest } = body;
  if (
    typeof tx !== 'string' ||
    typeof header !== 'string' ||
    typeof index !== 'number' ||
    !Array.isArray(path) ||
    Object.keys(rest).length > 0
  )
    return undefined;
  try {
    const bytes = fromHex(tx);
    const headerBytes = fromHex(header);
    return {
      tx: bytes,
      memo: readTransaction(bytes).memo,
      headerBytes,
      header: readHeader(headerBytes),
      index,
      path: path.map((hash) => fromHex(String(hash))),
    };
  } catch {
    return undefined;
  }
}
