import type { Commitment, Evidence } from '../verify/contracts.js';

/** One step from an entry to what a ledger saw: message ← SHA-256(prefix ‖ message ‖ suffix). */
export interface HashStep {
  readonly prefix: Uint8Array;
  readonly suffix: Uint8Array;
}

/** One entry's proof in parts, for an anchor to write in a form that its ledger's own tools read. */
export interface ProofToExport {
  /** One of the anchor's `capabilities.exports`. */
  readonly format: string;
  /** SHA-256 of the entry's preimage, 32 bytes: the message before the first step. */
  readonly digest: Uint8Array;
  /** From `digest` to `commitment.digest`. */
  readonly steps: readonly HashStep[];
  readonly commitment: Commitment;
  /** What the anchor brought back for this commitment. */
  readonly evidence: Evidence;
}

export interface ExportedProof {
  readonly mediaType: string;
  /** Of a file that holds it, without the dot: `ots`. */
  readonly extension: string;
  readonly bytes: Uint8Array;
}
