import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { type EcdsaAlgorithm, isAcceptableEcdsa, isCurvePoint } from './ecdsa-rules.js';

/**
 * Checks the ECDSA equation of a signature and a point that passed `isAcceptableEcdsa` and `isCurvePoint`, over SHA-256 of the message.
 * `publicKey` is 65 bytes, 0x04 ‖ x ‖ y.
 */
export type EcdsaEquation = (
  alg: EcdsaAlgorithm,
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

/** The equation in plain JavaScript. */
export const pureEcdsaEquation: EcdsaEquation = (alg, signature, message, publicKey) => {
  const curve = alg === 'ES256' ? p256 : secp256k1;
  return curve.verify(signature, message, publicKey, {
    prehash: true,
    // Looked at already, and libraries differ on it.
    lowS: false,
    format: 'compact',
  });
};

/**
 * Checks an ECDSA signature over SHA-256 of `message`: 64 bytes r‖s with s ≤ n/2, so that nobody can turn one valid signature into another.
 * `publicKey` is 65 bytes, 0x04 ‖ x ‖ y, a point of the curve. Never throws.
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
