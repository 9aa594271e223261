import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Signer } from '../spi/index.js';
import { formatVkey, noteKey } from '../verify/note.js';
import { LogError } from './log-error.js';

/** PKCS#8 DER of an Ed25519 private key up to its 32 bytes of seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An Ed25519 private key from its 32-byte seed. */
export function keyFromSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
}

/** Reads a PKCS#8 PEM text. Throws `log_key_invalid`; the text is never part of the message. */
export function keyFromPem(pem: string, what: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new LogError('log_key_invalid', `${what} is not a PEM private key.`, {
      cause: redacted(cause),
    });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new LogError(
      'log_key_invalid',
      `${what} is a key of type ${key.asymmetricKeyType}; the log signs with Ed25519.`,
    );
  }
  return key;
}

export function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/**
 * Another key of the same owner, from the first and a name: HMAC-SHA-256(seed, "wattproof/derived-key/v1\n" ‖ name) as
 * seed. One file to keep, and keys for different purposes all the same.
 */
export function deriveKey(key: KeyObject, name: string): KeyObject {
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const seed = der.subarray(der.length - 32);
  return keyFromSeed(
    createHmac('sha256', seed).update(`wattproof/derived-key/v1\n${name}`).digest(),
  );
}

/** A key under its name in signed notes (C2SP signed-note). */
export function namedSigner(name: string, key: KeyObject): Signer {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(spki.subarray(spki.length - 32));
  return {
    name,
    vkey: formatVkey(noteKey(name, publicKey)),
    sign: async (message) => Uint8Array.from(sign(null, message, key)),
  };
}

/** Parser messages may quote what they could not parse. */
function redacted(cause: unknown): Error {
  return new Error((cause as { code?: string }).code ?? 'unreadable key');
}
