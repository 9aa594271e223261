import { brainpoolP256r1, brainpoolP384r1 } from '@noble/curves/misc.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { sha256 } from './sha256.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { type EcdsaAlgorithm, isAcceptableEcdsa, isCurvePoint } from './ecdsa-rules.js';

/**
 * Checks the ECDSA equation of a signature and a point that passed `isAcceptableEcdsa` and `isCurvePoint`, over SHA-256 of the message.
 * `publicKey` is 0x04 ‖ x ‖ y.
 */
export type EcdsaEquation = (
  alg: EcdsaAlgorithm,
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

const CURVES = {
  ES256: p256,
  ES256K: secp256k1,
  'ECDSA-secp384r1-SHA256': p384,
  'ECDSA-brainpool256r1-SHA256': brainpoolP256r1,
  'ECDSA-brainpool384r1-SHA256': brainpoolP384r1,
} as const satisfies Record<EcdsaAlgorithm, unknown>;

/** The equation in plain JavaScript. */
export const pureEcdsaEquation: EcdsaEquation = (alg, signature, message, publicKey) => {
  return CURVES[alg].verify(signature, sha256(message), publicKey, {
    // Some of these curves come with another hash.
    prehash: false,
    // Looked at already, and libraries differ on it.
    lowS: false,
    format: 'compact',
  });
};

/**
 * Checks an ECDSA signature over SHA-256 of `message`: r‖s of 64 or 96 bytes with s ≤ n/2, so that nobody can turn one valid signature into another.
 * `publicKey` is 0x04 ‖ x ‖ y, a point of the curve. Never throws.
 */
export function verifyEcdsa(
  alg: EcdsaAlgorithm,
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
  equation: EcdsaEquation = pureEcdsaEquation,
): boolean {
  return (
    isAcceptableEcdsa(alg, signature) &&
    isCurvePoint(alg, publicKey) &&
    equation(alg, signature, message, publicKey)
  );
}
