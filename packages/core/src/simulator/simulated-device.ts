import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  batchItemLeaf,
  batchMessage,
  batchItemNonce,
  connectMessage,
  canonicalize,
  keyIdOf,
  logHash,
  merkleRoot,
  readingMessage,
  registerMessage,
  toBase64,
} from '../verify/index.js';

/** PKCS#8 DER of an Ed25519 private key up to its 32 bytes of seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An envelope as `POST /api/v1/readings` takes it. */
export interface ReadingEnvelope {
  readonly format: string;
  readonly document: object;
  readonly signature: { readonly alg: 'Ed25519'; readonly key_id: string; readonly value: string };
}

/** A device that signs. Its key follows from a seed, so a fleet is the same everywhere: never a real device's key. */
export class SimulatedDevice {
  readonly #privateKey: KeyObject;
  readonly publicKey: string;
  readonly keyId: string;

  constructor(seed: string) {
    const secret = createHash('sha256').update(`wattproof/simulator/v1\n${seed}`).digest();
    this.#privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, secret]),
      format: 'der',
      type: 'pkcs8',
    });
    const spki = createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' });
    this.publicKey = toBase64(spki);
    this.keyId = keyIdOf(spki);
  }

  signReading(format: string, document: object): ReadingEnvelope {
    const bytes = canonicalize(format, document);
    return {
      format,
      document,
      signature: {
        alg: 'Ed25519',
        key_id: this.keyId,
        value: toBase64(this.#sign(readingMessage(format, this.keyId, bytes))),
      },
    };
  }

  /** One signature over many readings (`batch/1`). `nonce`: 32 random bytes that only this device knows before. */
  signBatch(format: string, documents: readonly object[], nonce: Uint8Array): object {
    const leaves = documents.map((document, index) =>
      batchItemLeaf(batchItemNonce(nonce, index), logHash(canonicalize(format, document))),
    );
    const root = merkleRoot('rfc9162', leaves);
    return {
      format: 'batch/1',
      batch_nonce: toBase64(nonce),
      items: documents.map((document) => ({ format, document })),
      signature: {
        alg: 'Ed25519',
        key_id: this.keyId,
        value: toBase64(this.#sign(batchMessage(this.keyId, documents.length, root))),
      },
    };
  }

  /** The answer to a registration challenge. */
  proveWith(origin: string, meterId: string, nonce: string): string {
    return toBase64(this.#sign(registerMessage(origin, meterId, this.keyId, nonce)));
  }

  /** Base64url, as what a connection is signed with (`connectMessage`) stands in a password. */
  signConnect(origin: string, challenge: string): string {
    return Buffer.from(this.#sign(connectMessage(origin, this.keyId, challenge))).toString(
      'base64url',
    );
  }

  #sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.#privateKey);
  }
}
