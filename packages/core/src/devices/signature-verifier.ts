import { isAcceptableEd25519, isSmallOrder, pureEd25519Equation } from '../verify/ed25519.js';
import { isAcceptableEcdsa, isCurvePoint } from '../verify/ecdsa-rules.js';
import { decodeSpki, type SignatureAlgorithm } from '../verify/spki.js';
import { type EcdsaBackend, nodeEcdsaBackend } from './ecdsa-backend.js';
import type { Ed25519Backend, ImportedKey } from './ed25519-backend.js';

/** A public key that passed the checks that need not be repeated for each signature. */
interface CheckedKey {
  readonly alg: SignatureAlgorithm;
  readonly publicKey: Uint8Array;
  readonly imported: ImportedKey;
}

/** A key under which nothing is ever valid. */
const UNUSABLE = { imported: undefined };

// A signature whose other checks are all trivially good: what `isAcceptableEd25519` is asked about a key alone.
const FINE_SIGNATURE = new Uint8Array(64);
FINE_SIGNATURE[0] = 2;

/**
 * Device signatures under the project's acceptance rule, whatever library does the arithmetic: the pre-checks run before
 * it, and where libraries are known to differ it is not asked.
 */
export class SignatureVerifier {
  // Keyed by the identity of the remembered SPKI, so that a key leaves together with its meter.
  private readonly keys = new WeakMap<Uint8Array, CheckedKey | typeof UNUSABLE>();

  constructor(
    private readonly backend: Ed25519Backend,
    private readonly ecdsa: EcdsaBackend = nodeEcdsaBackend,
  ) {}

  /** Name of the Ed25519 back end, for the start line and for benchmarks. */
  get backendName(): string {
    return this.backend.name;
  }

  /** Whether `signature` is the key's over `message`. `spki`: DER of the key, which names its algorithm. Never throws. */
  verify(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.checked(spki);
    if (key.imported === undefined) return false;
    if (key.alg !== 'Ed25519')
      return (
        isAcceptableEcdsa(key.alg, signature) &&
        this.ecdsa.verify(key.alg, key.imported, message, signature)
      );
    if (signature.length !== 64) return false;
    if (isPlainlyAcceptable(signature))
      return this.backend.verify(key.imported, message, signature);
    if (!isAcceptableEd25519(signature, key.publicKey)) return false;
    // libsodium and newer OpenSSL refuse every R of small order, older OpenSSL does not.
    return isSmallOrder(signature.subarray(0, 32))
      ? pureEd25519Equation(signature, message, key.publicKey)
      : this.backend.verify(key.imported, message, signature);
  }

  private checked(spki: Uint8Array): CheckedKey | typeof UNUSABLE {
    const known = this.keys.get(spki);
    if (known !== undefined) return known;
    const decoded = decodeSpki(spki);
    const key = decoded === undefined ? UNUSABLE : this.imported(decoded.alg, decoded.key);
    this.keys.set(spki, key);
    return key;
  }

  private imported(alg: SignatureAlgorithm, bytes: Uint8Array): CheckedKey | typeof UNUSABLE {
    // Not the caller's memory: of a Node Buffer, what was decoded is a view.
    const publicKey = new Uint8Array(bytes);
    let imported: ImportedKey | undefined;
    if (alg === 'Ed25519') {
      if (isAcceptableEd25519(FINE_SIGNATURE, publicKey))
        imported = this.backend.importKey(publicKey);
    } else if (isCurvePoint(alg, publicKey)) {
      imported = this.ecdsa.importKey(alg, publicKey);
    }
    return imported === undefined ? UNUSABLE : { alg, publicKey, imported };
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
