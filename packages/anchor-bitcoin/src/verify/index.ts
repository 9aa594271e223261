import { opReturnVerifier } from './op-return.verifier.js';
import { taprootVerifier } from './taproot.verifier.js';
import { openTimestampsVerifier } from './ots/opentimestamps.verifier.js';

export { opReturnVerifier, OP_RETURN_EVIDENCE } from './op-return.verifier.js';
export { TAPROOT_EVIDENCE, taprootVerifier } from './taproot.verifier.js';
export { type BlockHeader, readHeader } from './block-header.js';
export { type BranchProof, branchRoot } from './merkle-branch.js';
export {
  isAmbiguous,
  MalformedTransaction,
  readTransaction,
  type TransactionFacts,
} from './transaction.js';
export { OtsError } from './ots/ots-error.js';
export type { OtsHash, OtsOp } from './ots/ots-op.js';
export {
  attestationsOf,
  type DetachedTimestamp,
  type OtsAttestation,
  type OtsTimestamp,
} from './ots/ots-timestamp.js';
export { OPENTIMESTAMPS_EVIDENCE, openTimestampsVerifier } from './ots/opentimestamps.verifier.js';
export { readOts, readTimestamp } from './ots/read-ots.js';
export { writeOts } from './ots/write-ots.js';

/** One for each type of evidence. */
export default [opReturnVerifier, taprootVerifier, openTimestampsVerifier];
