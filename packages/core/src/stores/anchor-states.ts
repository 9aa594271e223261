import type { IntentState } from '../anchoring/anchor.store.js';
import type { AttemptState } from '../spi/index.js';

/** States of an intent that the engine does not drive any more, or only re-checks. */
export const CLOSED_INTENT_STATES: readonly IntentState[] = ['final', 'superseded', 'failed'];

/** States of an intent whose commitment stands on the ledger. */
export const COVERING_INTENT_STATES: readonly IntentState[] = ['included', 'final'];

/** States of an attempt whose fee has been paid. */
export const PAID_ATTEMPT_STATES: readonly AttemptState[] = ['included', 'final'];
