import type { Sha256 } from '../verify/contracts.js';
import { SignedMessageError } from '../verify/device-signing.js';
import { isCurvePoint } from '../verify/ecdsa-rules.js';
import { isPrimeOrderKey } from '../verify/ed25519.js';
import { decodeSpki, keyIdOf, type SignatureAlgorithm } from '../verify/spki.js';
import { MeterError } from './meter-error.js';
import type { SignatureVerifier } from './signature-verifier.js';

/** A public key as somebody asks to have it registered. */
export interface AskedKey {
  readonly alg: string;
  /** SPKI DER. */
  readonly public_key: Uint8Array;
  /** Compared when given. */
  readonly key_id?: string | undefined;
}

/** A public key that may be registered. */
export interface DeviceKey {
  readonly alg: SignatureAlgorithm;
  readonly keyId: string;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
}

/**
 * The key, if devices may sign with it: an allowed algorithm, the one DER form, a point of the curve and of prime order.
 * Throws `MeterError`: `alg_not_allowed`, `public_key_invalid`, `key_not_on_curve`, `key_not_prime_order`, `key_id_mismatch`.
 */
export function checkedDeviceKey(
  { alg, public_key: publicKey, key_id: said }: AskedKey,
  algorithms: readonly SignatureAlgorithm[],
  sha256: Sha256,
): DeviceKey {
  if (!(algorithms as readonly string[]).includes(alg))
    throw new MeterError('alg_not_allowed', `allowed algorithms are ${algorithms.join(', ')}`);
  const decoded = decodeSpki(publicKey);
  if (decoded === undefined || decoded.alg !== alg)
    throw new MeterError(
      'public_key_invalid',
      `"public_key" is not the SPKI DER of an ${alg} key${alg === 'Ed25519' ? '' : ' with its point uncompressed'}`,
    );
  checkPoint(decoded.alg, decoded.key);
  const keyId = keyIdOf(publicKey, sha256);
  if (said !== undefined && said !== keyId)
    throw new MeterError('key_id_mismatch', `the id of this public key is ${keyId}`);
  return { alg: decoded.alg, keyId, publicKey };
}

function checkPoint(alg: SignatureAlgorithm, key: Uint8Array): void {
  if (alg === 'Ed25519') {
    if (!isPrimeOrderKey(key))
      throw new MeterError(
        'key_not_prime_order',
        'the key is not a canonical point of prime order; make a new one',
      );
  } else if (!isCurvePoint(alg, key)) {
    throw new MeterError('key_not_on_curve', `the key is not a point of the curve of ${alg}`);
  }
}

/**
 * Checks that somebody holds the key: `signature` must be its over `message()`. Throws `MeterError`: `possession_not_proven`, or
 * `registration_invalid` when a field cannot stand in a signed message.
 */
export function checkPossession(
  signatures: SignatureVerifier,
  publicKey: Uint8Array,
  message: () => Uint8Array,
  signature: Uint8Array,
  what: string,
): void {
  let signed: Uint8Array;
  try {
    signed = message();
  } catch (error) {
    if (!(error instanceof SignedMessageError)) throw error;
    throw new MeterError('registration_invalid', error.message);
  }
  if (!signatures.verify(publicKey, signed, signature))
    throw new MeterError('possession_not_proven', `the signature is not the key's over ${what}`);
}
