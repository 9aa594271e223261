import { sha256 } from '@noble/hashes/sha2.js';
import { hex } from './block-header.js';

const LEAF_VERSION = 0xc0;
const OP_RETURN = 0x6a;

/**
 * Merkle root of a script tree whose one leaf is `OP_RETURN <commitment>` (BIP-341): a script that nobody can spend by, so
 * that the key alone does.
 */
export function commitmentRoot(digest: Uint8Array): Uint8Array {
  const script = Uint8Array.of(OP_RETURN, digest.length, ...digest);
  return taggedHash('TapLeaf', Uint8Array.of(LEAF_VERSION, script.length, ...script));
}

/**
 * Locking script of the internal key (x only, 32 bytes) tweaked by the root of a script tree, or by itself alone (BIP-341).
 * Undefined for what is no key: the point of even y with this x is meant, and not every x has one.
 */
export async function taprootScript(
  internalKey: Uint8Array,
  root: Uint8Array = new Uint8Array(0),
): Promise<Uint8Array | undefined> {
  if (internalKey.length !== 32) return undefined;
  // The curve is loaded by those who meet such evidence.
  const { schnorr, secp256k1 } = await import('@noble/curves/secp256k1.js');
  try {
    const tweak = taggedHash('TapTweak', Uint8Array.of(...internalKey, ...root));
    const tweaked = schnorr.utils
      .lift_x(BigInt(`0x${hex(internalKey)}`))
      .add(secp256k1.Point.BASE.multiply(BigInt(`0x${hex(tweak)}`)));
    return Uint8Array.of(0x51, 32, ...schnorr.utils.pointToBytes(tweaked));
  } catch {
    return undefined;
  }
}

/** BIP-340. */
function taggedHash(tag: string, message: Uint8Array): Uint8Array {
  const prefix = sha256(new TextEncoder().encode(tag));
  return sha256(Uint8Array.of(...prefix, ...prefix, ...message));
}
