import { createPublicKey, verify as nodeVerify, type KeyObject } from 'node:crypto';
import type { EcdsaAlgorithm } from '../verify/ecdsa-rules.js';
import type { EcdsaEquation } from '../verify/ecdsa.js';
import { encodeSpki } from '../verify/spki.js';
import type { ImportedKey } from './ed25519-backend.js';

/** Checks the ECDSA equation for points and signatures that passed the common pre-checks. */
export interface EcdsaBackend {
  readonly name: 'node:crypto' | 'pure';
  /** Prepares 0x04 ‖ x ‖ y for many checks. Undefined when they are not a key this back end can hold. */
  importKey(alg: EcdsaAlgorithm, point: Uint8Array): ImportedKey | undefined;
  verify(
    alg: EcdsaAlgorithm,
    key: ImportedKey,
    message: Uint8Array,
    signature: Uint8Array,
  ): boolean;
}

/** OpenSSL, with the key imported once. */
export const nodeEcdsaBackend: EcdsaBackend = {
  name: 'node:crypto',
  importKey(alg, point) {
    const spki = encodeSpki(alg, point);
    if (spki === undefined) return undefined;
    try {
      return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    } catch {
      // A build of OpenSSL without the curve.
      return undefined;
    }
  },
  verify: (_alg, key, message, signature) =>
    nodeVerify('sha256', message, { key: key as KeyObject, dsaEncoding: 'ieee-p1363' }, signature),
};

/** Plain JavaScript: slow, and the same everywhere. `equation`: `pureEcdsaEquation` of `/verify/ecdsa`, whose package is optional. */
export function pureEcdsaBackend(equation: EcdsaEquation): EcdsaBackend {
  return {
    name: 'pure',
    importKey: (_alg, point) => point,
    verify: (alg, key, message, signature) => equation(alg, signature, message, key as Uint8Array),
  };
}
