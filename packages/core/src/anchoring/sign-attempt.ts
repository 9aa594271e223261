import {
  AnchorError,
  type Attempt,
  type AttemptState,
  type Logger,
  type SignedAttempt,
} from '../spi/index.js';
import type { NewAttempt } from './anchor-action.js';
import type { AnchorInstance } from './anchor-instance.js';
import type { AnchorStore, StoredIntent } from './anchor.store.js';
import { feeBudget, worstCaseFee } from './fee-budget.js';
import { askLedger, type LedgerAnswer } from './ledger-call.js';

/**
 * Has an anchor prepare and sign an attempt, within the caps and on the conflict key that others hold. Nothing is
 * stored or sent. A refusal `capped` is the policy's or the anchor's; `conflict` and `underpriced` a promise not kept.
 */
export async function signAttempt(
  wanted: NewAttempt,
  deps: {
    readonly intent: StoredIntent;
    /** In the states they have now: the anchor reuses the key of those that can still win. */
    readonly attempts: readonly Attempt[];
    readonly instance: AnchorInstance;
    readonly store: AnchorStore;
    readonly logger: Logger;
    readonly nowMs: number;
    readonly signal: AbortSignal;
  },
): Promise<LedgerAnswer<SignedAttempt>> {
  const { intent, attempts, instance, logger, signal } = deps;
  const { anchor, policy } = instance;
  const { conflictKey, parent } = wanted;
  const budget = await feeBudget({ ...deps, policy, anchor: intent.anchor, conflictKey, parent });
  if (budget !== undefined && budget <= 0n)
    return refusal('capped', 'the fee cap of the intent or of the day is used up');

  const prepare = (bump: number) =>
    askLedger(logger, 'prepare', () =>
      anchor.prepare(intent, attempts, {
        bump,
        ...(budget === undefined ? {} : { maxFee: budget }),
        ...(parent === undefined ? {} : { parent }),
        signal,
      }),
    );
  let draft = await prepare(wanted.bump);
  // A fresh attempt may start cheaper than the last one died; a capped one would wait for ever.
  if (conflictKey === undefined && parent === undefined)
    for (let bump = wanted.bump; bump > 0 && !draft.ok && draft.error.reason === 'capped';) {
      bump >>= 1;
      draft = await prepare(bump);
    }
  if (!draft.ok) return draft;
  const { value } = draft;
  const breach = breachOf(value, wanted, attempts, budget);
  if (breach) return { ok: false, error: breach };
  const signed = await askLedger(logger, 'sign', () => anchor.sign(intent, value, signal));
  const slip = signed.ok ? breachOf(signed.value, wanted, attempts, budget) : undefined;
  return slip ? { ok: false, error: slip } : signed;
}

/** Attempts that a ledger does not hold against another one of their conflict key. */
const OUT_OF_THE_WAY: readonly AttemptState[] = ['failed', 'expired', 'replaced'];

/** What a plugin promised and did not keep is caught before anything is signed or stored. */
function breachOf(
  { conflictKey, fee }: Pick<SignedAttempt, 'conflictKey' | 'fee'>,
  wanted: NewAttempt,
  attempts: readonly Attempt[],
  budget: bigint | undefined,
): AnchorError | undefined {
  if (wanted.conflictKey !== undefined && conflictKey !== wanted.conflictKey)
    return new AnchorError(
      'conflict',
      `the anchor chose conflict key ${conflictKey} while an attempt on ${wanted.conflictKey} can still win`,
    );
  const rivals = attempts.filter(
    ({ state, conflictKey: key }) => key === conflictKey && !OUT_OF_THE_WAY.includes(state),
  );
  const replaced = rivals.find(({ childOf }) => childOf === undefined);
  if (wanted.parent !== undefined && replaced !== undefined)
    return new AnchorError(
      'conflict',
      `a child on conflict key ${conflictKey} would replace ${replaced.txId} instead of paying for it`,
    );
  if (budget !== undefined && fee.amount > budget)
    return new AnchorError(
      'capped',
      `a fee of ${fee.amount} ${fee.unit} exceeds the cap of ${budget}`,
    );
  const dearest = worstCaseFee(rivals);
  if (rivals.length > 0 && fee.amount <= dearest)
    return new AnchorError(
      'underpriced',
      `a replacement at ${fee.amount} ${fee.unit} does not pay more than ${dearest}`,
    );
  return undefined;
}

const refusal = (reason: 'capped', message: string) =>
  ({ ok: false, error: new AnchorError(reason, message) }) as const;
