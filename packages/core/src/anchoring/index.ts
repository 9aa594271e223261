export {
  AnchorStateMoved,
  type AnchorInstance,
  CheckpointConflict,
  UnknownAnchor,
} from './anchor-instance.js';
export { type AnchorPolicy, anchorPolicySchema } from './anchor-policy.js';
export {
  type AnchorStore,
  type AnchorTotals,
  ATTEMPT_STATES,
  INTENT_STATES,
  type IntentState,
  type Lease,
  type LeaseStore,
  type StoredIntent,
} from './anchor.store.js';
export { anchorStatusOf, type AnchorStatus } from './anchor-status.js';
export {
  AnchoringEngine,
  type AnchoringEngineOptions,
  type DriveReport,
} from './anchoring-engine.js';
export type { AnchorAction, NewAttempt } from './anchor-action.js';
export { fold, type FoldInput, type FoldResult } from './fold.js';
export { anchorIntentId } from './intent-id.js';
export { newestOnLedgers, type NewestOnLedgers } from './newest-on-ledgers.js';
