import { isAcceptableEd25519, isSmallOrder, pureEd25519Equation } from '../verify/ed25519.js';
import type { Ed25519Backend, ImportedKey } from './ed25519-backend.js';

/** A public key that passed the checks that need not be repeated for each signature. */
interface CheckedKey {
  readonly publicKey: Uint8Array;
  readonly imported: ImportedKey;
}

/** SubjectPublicKeyInfo of an Ed25519 key: 12 bytes of DER, then the key (RFC 8410 §4). */
const SPKI_LENGTH = 44;
const SPKI_HEAD_LENGTH = 12;

// A signature whose other checks are all trivially good: what `isAcceptableEd25519` is asked about a key alone.
const FINE_SIGNATURE = new Uint8Array(64);
FINE_SIGNATURE[0] = 2;

/**
 * Device signatures under the project's acceptance rule, whatever library does the arithmetic: the pre-checks run before
 * it, and where libraries are known to differ it is not asked.
 */
export class SignatureVerifier {
  // Keyed by the identity of the remembered SPKI, so that a key leaves together with its meter.
  private readonly keys = new WeakMap<Uint8Array, CheckedKey | { readonly imported: undefined }>();

  constructor(private readonly backend: Ed25519Backend) {}

  /** Name of the back end, for the start line and for benchmarks. */
  get backendName(): string {
    return this.backend.name;
  }

  /** Whether `signature` is the key's over `message`. `spki`: DER of an Ed25519 key. Never throws. */
  verify(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.checked(spki);
    if (key.imported === undefined || signature.length !== 64) return false;
    if (isPlainlyAcceptable(signature))
      return this.backend.verify(key.imported, message, signature);
    if (!isAcceptableEd25519(signature, key.publicKey)) return false;
    // libsodium and newer OpenSSL refuse every R of small order, older OpenSSL does not.
    return isSmallOrder(signature.subarray(0, 32))
      ? pureEd25519Equation(signature, message, key.publicKey)
      : this.backend.verify(key.imported, message, signature);
  }

  private checked(spki: Uint8Array): CheckedKey | { readonly imported: undefined } {
    const known = this.keys.get(spki);
    if (known !== undefined) return known;
    const publicKey = new Uint8Array(spki.subarray(SPKI_HEAD_LENGTH));
    const acceptable =
      spki.length === SPKI_LENGTH && isAcceptableEd25519(FINE_SIGNATURE, publicKey);
    const imported = acceptable ? this.backend.importKey(publicKey) : undefined;
    const key = imported === undefined ? { imported } : { publicKey, imported };
    this.keys.set(spki, key);
    return key;
  }
}

/**
 * True for nearly all honest signatures, from two bytes: S < 2²⁵² < L, and R's top byte is none of those that a y ≥ p or a point of
 * small order can have (0x00, 0x05, 0x7a, 0x7f without the sign bit). Everything else is looked at exactly.
 */
function isPlainlyAcceptable(signature: Uint8Array): boolean {
  const top = signature[31]! & 0x7f;
  return signature[63]! < 0x10 && top !== 0x00 && top !== 0x05 && top !== 0x7a && top !== 0x7f;
}
