import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';

/**
 * Checks an ECDSA signature over SHA-256 of `message`: 64 bytes r‖s with s ≤ n/2, so that nobody can turn one valid signature into another.
 * `publicKey` is 65 bytes, 0x04 ‖ x ‖ y. Never throws.
 */
export function verifyEcdsa(
  alg: 'ES256' | 'ES256K',
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== 64 || publicKey.length !== 65 || publicKey[0] !== 4) return false;
  const curve = alg === 'ES256' ? p256 : secp256k1;
  try {
    return curve.verify(signature, message, publicKey, {
      prehash: true,
      lowS: true,
      format: 'compact',
    });
  } catch {
    // A point that is not on the curve, or r or s out of range.
    return false;
  }
}
