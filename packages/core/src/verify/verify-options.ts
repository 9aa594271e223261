import type { EvidenceVerifier, HeaderSource, Sha256, TrustLevel } from './contracts.js';
import type { Ed25519Equation } from './ed25519.js';
import type { EcdsaVerify, EnvelopeMessage } from './entry-signature.js';

/** Formats that can be read back: only their canonical bytes are accepted under their name. */
export interface CanonicalReader {
  readonly names: readonly string[];
  canonicalize(format: string, json: string | object): Uint8Array;
}

/** What the caller of `verifyProof` brings. */
export interface VerifyOptions {
  /**
   * Pinned keys as vkeys: logs', their receipt keys, witnesses. Once a key of any log is pinned, only proofs of logs that are
   * pinned hold; with none, or witnesses alone, a proof is self-asserted.
   */
  readonly keys?: readonly string[];
  readonly headers?: HeaderSource;
  /** Checkers of ledger evidence, from `@wattproof/anchor-…/verify`. */
  readonly verifiers?: readonly EvidenceVerifier[];
  /** Trust level that must be reached; default `operator`. */
  readonly require?: TrustLevel;
  /** Known formats; default those of `canonicalize`, none under `checkBundle`. */
  readonly formats?: CanonicalReader;
  /** `verifyEcdsa` of `@wattproof/core/verify/ecdsa`, for devices that sign ES256 or ES256K. */
  readonly ecdsa?: EcdsaVerify;
  /** `envelopeMessage` of `@wattproof/core/verify/envelopes`, for devices that sign JWS, COSE or chained batches; default of `verifyProof`. */
  readonly envelopes?: EnvelopeMessage;
  readonly sha256?: Sha256;
  readonly equation?: Ed25519Equation;
}
