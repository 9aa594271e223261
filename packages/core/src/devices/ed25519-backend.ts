import { createPublicKey, verify as nodeVerify, type KeyObject } from 'node:crypto';
import { pureEd25519Equation } from '../verify/ed25519.js';

/** A key in the form a back end checks fastest. Opaque to everybody else. */
export type ImportedKey = object;

/**
 * Checks the Ed25519 equation for signatures that passed the common pre-checks. Cofactorless; on a small-order R the answers of
 * libraries differ, and the caller decides those itself.
 */
export interface Ed25519Backend {
  readonly name: 'sodium-native' | 'node:crypto' | 'pure';
  /** Prepares 32 bytes for many checks. Undefined when they are not a key this back end can hold. */
  importKey(publicKey: Uint8Array): ImportedKey | undefined;
  verify(key: ImportedKey, message: Uint8Array, signature: Uint8Array): boolean;
}

// A name in a variable: the optional peer brings no types, and compiling must not need it.
const SODIUM: string = 'sodium-native';

/** The part of `sodium-native` used here. */
export interface SodiumNative {
  crypto_sign_verify_detached(signature: Buffer, message: Buffer, publicKey: Buffer): boolean;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** libsodium: less than half the time of OpenSSL for each check. */
export function sodiumBackend(sodium: SodiumNative): Ed25519Backend {
  return {
    name: 'sodium-native',
    importKey: (publicKey) => Buffer.from(publicKey),
    verify: (key, message, signature) =>
      sodium.crypto_sign_verify_detached(asBuffer(signature), asBuffer(message), key as Buffer),
  };
}

/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410 §4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** OpenSSL, with the key imported once. */
export const nodeBackend: Ed25519Backend = {
  name: 'node:crypto',
  importKey(publicKey) {
    try {
      const key = Buffer.concat([SPKI_HEAD, publicKey]);
      return createPublicKey({ key, format: 'der', type: 'spki' });
    } catch {
      return undefined;
    }
  },
  verify: (key, message, signature) => nodeVerify(null, message, key as KeyObject, signature),
};

/** Plain JavaScript: slow, and the same everywhere. */
export const pureBackend: Ed25519Backend = {
  name: 'pure',
  importKey: (publicKey) => publicKey,
  verify: (key, message, signature) => pureEd25519Equation(signature, message, key as Uint8Array),
};

/** The fastest back end that is installed: sodium-native when it loads, else OpenSSL. */
export async function loadEd25519Backend(
  load: () => Promise<unknown> = async () => import(SODIUM),
): Promise<Ed25519Backend> {
  try {
    const loaded = (await load()) as { readonly default?: unknown };
    const sodium = (loaded.default ?? loaded) as Partial<SodiumNative>;
    if (typeof sodium.crypto_sign_verify_detached !== 'function') return nodeBackend;
    return sodiumBackend(sodium as SodiumNative);
  } catch {
    // An optional peer: absent, or without a prebuilt binary for this machine.
    return nodeBackend;
  }
}
