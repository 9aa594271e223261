import type { AttemptState, Clock, Fee, Inclusion, TrustLevel } from '../spi/index.js';
import type { AnchorInstance } from './anchor-instance.js';
import type { AnchorStore, IntentState, StoredIntent } from './anchor.store.js';

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
  /** Of the intent's dearest attempt: at most one of them is ever paid. */
  readonly fee?: Fee;
  readonly attempts: readonly {
    readonly txId: string;
    readonly state: AttemptState;
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
    const intent = (await deps.store.covering(anchor, size)) ?? own.get(anchor);
    statuses.push(
      intent
        ? statusOfIntent(intent, size, deps.clock.nowMs())
        : { anchor, state: 'queued', attempts: [], reason: 'no intent yet' },
    );
  }
  return statuses;
}

function statusOfIntent(intent: StoredIntent, size: bigint, nowMs: number): AnchorStatus {
  const { attempts, evidence, state, commitment } = intent;
  const shown =
    attempts.find(({ state: s }) => s === 'final' || s === 'included') ?? attempts.at(-1);
  const dearest = attempts.reduce<Fee | undefined>(
    (most, { fee }) => (most && most.amount >= fee.amount ? most : fee),
    undefined,
  );
  return {
    anchor: intent.anchor,
    state,
    intent: intent.id,
    ...(shown ? { txId: shown.txId } : {}),
    ...(shown?.inclusion && shown.state !== 'reorged' ? { inclusion: shown.inclusion } : {}),
    ...(evidence ? { trust: evidence.trust } : {}),
    ...(dearest ? { fee: dearest } : {}),
    attempts: attempts.map(({ txId, state: s, fee, createdAtMs }) => ({
      txId,
      state: s,
      fee,
      createdAtMs,
    })),
    ...(commitment.size > size ? { coveredBySize: commitment.size } : {}),
    ...(intent.reason ? { reason: intent.reason } : {}),
    ...(intent.retryAtMs ? { retryAtMs: intent.retryAtMs } : {}),
    ...(state === 'final' ? {} : { pendingMs: nowMs - intent.createdAtMs }),
  };
}
