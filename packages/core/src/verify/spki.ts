import { concat, equal, fromHex, toHex } from './bytes.js';
import type { Sha256 } from './contracts.js';
import { sha256 as pureSha256 } from './sha256.js';

/** Algorithms a device may sign with. */
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number];
/** Those with a name of OCMF sign SHA-256 on curves that JOSE pairs with other hashes, or not at all. */
export const SIGNATURE_ALGORITHMS = [
  'Ed25519',
  'ES256',
  'ES256K',
  'ECDSA-secp384r1-SHA256',
  'ECDSA-brainpool256r1-SHA256',
  'ECDSA-brainpool384r1-SHA256',
] as const;

/** A public key taken out of its SubjectPublicKeyInfo. */
export interface DecodedKey {
  readonly alg: SignatureAlgorithm;
  /** Ed25519: 32 bytes. ECDSA: 65 or 97 bytes, 0x04 ‖ x ‖ y. */
  readonly key: Uint8Array;
}

/** The DER before the key bits. RFC 8410 §4 for Ed25519, RFC 5480 §2.1 with named curves for the others. */
const HEADS = (
  [
    ['302a300506032b6570032100', 32],
    ['3059301306072a8648ce3d020106082a8648ce3d030107034200', 65],
    ['3056301006072a8648ce3d020106052b8104000a034200', 65],
    ['3076301006072a8648ce3d020106052b81040022036200', 97],
    ['305a301406072a8648ce3d020106092b2403030208010107034200', 65],
    ['307a301406072a8648ce3d020106092b240303020801010b036200', 97],
  ] as const
).map(([head, length], i) => [SIGNATURE_ALGORITHMS[i]!, fromHex(head), length] as const);

/** SPKI DER of a raw key: 32 bytes of Ed25519, or 65 or 97 bytes 0x04 ‖ x ‖ y. Undefined for any other shape. */
export function encodeSpki(alg: SignatureAlgorithm, key: Uint8Array): Uint8Array | undefined {
  for (const [name, head, length] of HEADS)
    if (name === alg && key.length === length && (length === 32 || key[0] === 4))
      return concat(head, key);
  return undefined;
}

/**
 * The key of an SPKI DER, or undefined. Only the one DER form of each algorithm is read: no compressed points, no explicit
 * parameters, no trailing bytes. Whether the point is on the curve is the verifier's question.
 */
export function decodeSpki(spki: Uint8Array): DecodedKey | undefined {
  for (const [alg, head, length] of HEADS) {
    if (spki.length !== head.length + length || !equal(spki.subarray(0, head.length), head))
      continue;
    const key = spki.slice(head.length);
    if (length > 32 && key[0] !== 4) return undefined;
    return { alg, key };
  }
  return undefined;
}

/** Short name of a key, 16 hex digits: the beginning of SHA-256(SPKI). A hint for look-ups, never a proof. */
export function keyIdOf(spki: Uint8Array, sha256: Sha256 = pureSha256): string {
  return toHex(sha256(spki)).slice(0, 16);
}
