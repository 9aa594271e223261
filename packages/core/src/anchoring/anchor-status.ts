import type { Attempt, AttemptState, Clock, Fee, Inclusion, TrustLevel } from '../spi/index.js';
import type { AnchorInstance } from './anchor-instance.js';
import type { AnchorStore, IntentState, StoredIntent } from './anchor.store.js';
import { worstCaseFee } from './fee-budget.js';
import { paidFor } from './paid-fee.js';

/** How far one anchor has come with a batch-log size. */
export interface AnchorStatus {
  readonly anchor: string;
  /** Of the intent that speaks for the size: the covering one when there is one, else its own. */
  readonly state: IntentState;
  readonly intent?: string;
  readonly txId?: string;
  readonly inclusion?: Inclusion;
  /** Claimed by the evidence; a verifier decides what it really reaches. */
  readonly trust?: TrustLevel;
  /** The most the intent can come to cost: of replacements one is paid, a child on top of its parent. */
  readonly fee?: Fee;
  /** What the transactions that stand on the ledger have cost; absent while none does. */
  readonly paid?: Fee;
  readonly attempts: readonly {
    readonly txId: string;
    readonly state: AttemptState;
    /** The txId of the attempt that this one makes dearer. */
    readonly childOf?: string;
    readonly fee: Fee;
    readonly createdAtMs: number;
  }[];
  /** Size of the published commitment when it is a later one that covers this size. */
  readonly coveredBySize?: bigint;
  readonly reason?: string;
  readonly retryAtMs?: number;
  /** How long the intent has been waiting, until it is final. */
  readonly pendingMs?: number;
}

/** Per anchor in configuration order: where the commitment of a batch-log size stands. */
export async function anchorStatusOf(
  size: bigint,
  deps: {
    readonly store: AnchorStore;
    readonly clock: Clock;
    readonly anchors: ReadonlyMap<string, AnchorInstance>;
  },
): Promise<readonly AnchorStatus[]> {
  const own = new Map((await deps.store.bySize(size)).map((intent) => [intent.anchor, intent]));
  const statuses: AnchorStatus[] = [];
  for (const anchor of deps.anchors.keys()) {
    const intent = (await coveringOf(anchor, size, deps.store)) ?? own.get(anchor);
    statuses.push(
      intent
        ? statusOfIntent(intent, size, deps.clock.nowMs())
        : { anchor, state: 'queued', attempts: [], reason: 'no intent yet' },
    );
  }
  return statuses;
}

/** The smallest checkpoint that covers the size, unless it may still fall and a larger one is final. */
async function coveringOf(
  anchor: string,
  size: bigint,
  store: AnchorStore,
): Promise<StoredIntent | undefined> {
  const smallest = await store.covering(anchor, size);
  if (smallest?.state !== 'included') return smallest;
  const largest = await store.latest(anchor);
  return largest?.state === 'final' ? largest : smallest;
}

function statusOfIntent(intent: StoredIntent, size: bigint, nowMs: number): AnchorStatus {
  const { attempts, evidence, state, commitment } = intent;
  const carriers = attempts.filter(({ childOf }) => childOf === undefined);
  const shown = carriers.find(onLedger) ?? carriers.at(-1);
  return {
    anchor: intent.anchor,
    state,
    intent: intent.id,
    ...(shown ? { txId: shown.txId } : {}),
    ...(shown?.inclusion && shown.state !== 'reorged' ? { inclusion: shown.inclusion } : {}),
    ...(evidence ? { trust: evidence.trust } : {}),
    ...(shown ? { fee: feeOf(attempts, shown.fee) } : {}),
    ...(shown && onLedger(shown) ? { paid: paidFor(attempts, shown.fee.unit) } : {}),
    attempts: attempts.map(({ txId, state: s, childOf, fee, createdAtMs }) => ({
      txId,
      state: s,
      ...(childOf === undefined ? {} : { childOf }),
      fee,
      createdAtMs,
    })),
    ...(commitment.size > size ? { coveredBySize: commitment.size } : {}),
    ...(intent.reason ? { reason: intent.reason } : {}),
    ...(intent.retryAtMs ? { retryAtMs: intent.retryAtMs } : {}),
    ...(state === 'final' ? {} : { pendingMs: nowMs - intent.createdAtMs }),
  };
}

const onLedger = ({ state }: Attempt): boolean => state === 'included' || state === 'final';

/** With the rate of the attempt shown when it is that attempt's fee alone. */
function feeOf(attempts: readonly Attempt[], shown: Fee): Fee {
  const amount = worstCaseFee(attempts);
  return amount === shown.amount ? shown : { amount, unit: shown.unit };
}
