export {
  ANCHOR_ALERTS,
  type AnchorAlert,
  type AnchorAlertCode,
  runwayOf,
} from './anchor-alerts.js';
export {
  type AnchorCondition,
  type AnchorConditions,
  CONDITIONS,
  keptConditions,
} from './anchor-conditions.js';
export {
  AnchorStateMoved,
  type AnchorInstance,
  CheckpointConflict,
  UnknownAnchor,
} from './anchor-instance.js';
export { type AnchorPolicy, anchorPolicySchema } from './anchor-policy.js';
export {
  type AnchorCost,
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
export { AnchorWatch } from './anchor-watch.js';
export { answerInTime, type Timer } from './answer-in-time.js';
export {
  type BatchAnchoring,
  batchAnchoring,
  type BatchRule,
  batchRuleOf,
  batchRuleProblems,
  batchRuleSchema,
  sizeUnderRule,
} from './batch-rule.js';
export type { AnchorAction, NewAttempt } from './anchor-action.js';
export { worstCaseFee } from './fee-budget.js';
export { fold, type FoldInput, type FoldResult } from './fold.js';
export { anchorIntentId } from './intent-id.js';
export { type MintedInterval, mintKey } from './mint-key.js';
export { newestOnLedgers, type NewestOnLedgers } from './newest-on-ledgers.js';
