import {
  type AnchorCost,
  type AnchorStore,
  type AnchorTotals,
  type AttemptKey,
  type AttemptPatch,
  AttemptTaken,
  type CoveringEvidence,
  type IntentState,
  type IntentPatch,
  IntentUnknown,
  type Lease,
  type StoredIntent,
} from '../../anchoring/anchor.store.js';
import { paidFee } from '../../anchoring/paid-fee.js';
import type { AnchorIntent, Attempt, AttemptState, Evidence } from '../../spi/index.js';
import {
  CLOSED_INTENT_STATES,
  COVERING_INTENT_STATES,
  PAID_ATTEMPT_STATES,
} from '../anchor-states.js';
import { intentEvent } from '../committed-events.js';
import type { MemoryLeases } from './leases.js';
import type { MemoryOutbox } from './outbox.js';
import type { Clock } from '../../spi/index.js';

const DAY_MS = 86_400_000;

interface IntentRecord {
  readonly intent: AnchorIntent;
  state: IntentState;
  reason: string | undefined;
  retryAtMs: number | undefined;
  bumps: number;
  readonly attempts: Attempt[];
  readonly evidence: Evidence[];
  /** Grows with every guarded write: the smallest was looked at longest ago. */
  touched: number;
}

export class MemoryAnchors implements AnchorStore {
  /** In the order they were put. */
  private readonly intents = new Map<string, IntentRecord>();
  private touches = 0;

  constructor(
    private readonly leases: MemoryLeases,
    private readonly outbox: MemoryOutbox,
    private readonly clock: Clock,
  ) {}

  async putIntent(intent: AnchorIntent): Promise<void> {
    if (this.intents.has(intent.id)) return;
    this.intents.set(intent.id, {
      intent,
      state: 'queued',
      reason: undefined,
      retryAtMs: undefined,
      bumps: 0,
      attempts: [],
      evidence: [],
      touched: (this.touches += 1),
    });
  }

  async open(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    return this.of(anchor)
      .filter(({ state }) => !CLOSED_INTENT_STATES.includes(state))
      .sort((a, b) => a.intent.createdAtMs - b.intent.createdAtMs)
      .slice(0, limit)
      .map(asStoredIntent);
  }

  async due(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    const open = this.of(anchor)
      .filter(({ state }) => !CLOSED_INTENT_STATES.includes(state))
      .sort((a, b) => a.intent.createdAtMs - b.intent.createdAtMs);
    if (open.length <= limit) return open.map(asStoredIntent);
    const waiting = [...open].sort((a, b) => a.touched - b.touched);
    const underWay = Math.floor(limit / 2);
    const chosen = new Set([
      ...open.slice(-1),
      ...waiting.filter(({ state }) => state !== 'queued').slice(0, underWay),
      ...waiting.slice(0, limit - underWay),
    ]);
    const keys = new Set(keysOf([...chosen]));
    const rivals = waiting.filter(
      (record) => !chosen.has(record) && keysOf([record]).some((key) => keys.has(key)),
    );
    for (const rival of rivals.slice(0, limit)) chosen.add(rival);
    return open.filter((record) => chosen.has(record)).map(asStoredIntent);
  }

  async finals(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    return this.of(anchor)
      .filter(({ state }) => state === 'final')
      .sort((a, b) => a.touched - b.touched)
      .slice(0, limit)
      .map(asStoredIntent);
  }

  async failed(anchor: string, limit: number): Promise<readonly StoredIntent[]> {
    return this.of(anchor)
      .filter(({ state }) => state === 'failed')
      .sort((a, b) => a.intent.createdAtMs - b.intent.createdAtMs)
      .slice(0, limit)
      .map(asStoredIntent);
  }

  async intent(id: string): Promise<StoredIntent | undefined> {
    const record = this.intents.get(id);
    return record === undefined ? undefined : asStoredIntent(record);
  }

  async bySize(size: bigint): Promise<readonly StoredIntent[]> {
    return [...this.intents.values()]
      .filter(({ intent }) => intent.commitment.size === size)
      .map(asStoredIntent);
  }

  async covering(anchor: string, size: bigint): Promise<StoredIntent | undefined> {
    const [smallest] = this.of(anchor)
      .filter(
        ({ intent, state }) =>
          COVERING_INTENT_STATES.includes(state) && intent.commitment.size >= size,
      )
      .sort(bySizeAscending);
    return smallest === undefined ? undefined : asStoredIntent(smallest);
  }

  async evidence(anchor: string, size: bigint): Promise<CoveringEvidence | undefined> {
    const intent = await this.covering(anchor, size);
    return intent?.evidence === undefined
      ? undefined
      : { size: intent.commitment.size, evidence: intent.evidence };
  }

  async latest(anchor: string): Promise<StoredIntent | undefined> {
    const largest = this.of(anchor)
      .filter(({ state }) => COVERING_INTENT_STATES.includes(state))
      .sort(bySizeAscending)
      .at(-1);
    return largest === undefined ? undefined : asStoredIntent(largest);
  }

  async attemptsSince(anchor: string, sinceMs: number): Promise<readonly Attempt[]> {
    return this.of(anchor)
      .flatMap(({ attempts }) => attempts)
      .filter(({ createdAtMs }) => createdAtMs >= sinceMs);
  }

  async totals(anchor: string): Promise<AnchorTotals> {
    const intents = new Map<IntentState, number>();
    const attempts = new Map<AttemptState, number>();
    const feesSpent = new Map<string, bigint>();
    let oldestOpenAtMs: number | undefined;
    let includedSize: bigint | undefined;
    let finalSize: bigint | undefined;
    for (const record of this.of(anchor)) {
      const { state, intent } = record;
      intents.set(state, (intents.get(state) ?? 0) + 1);
      if (!CLOSED_INTENT_STATES.includes(state))
        oldestOpenAtMs = Math.min(oldestOpenAtMs ?? intent.createdAtMs, intent.createdAtMs);
      const { size } = intent.commitment;
      if (COVERING_INTENT_STATES.includes(state)) includedSize = larger(includedSize, size);
      if (state === 'final') finalSize = larger(finalSize, size);
      for (const attempt of record.attempts) {
        const { state: reached, fee } = attempt;
        attempts.set(reached, (attempts.get(reached) ?? 0) + 1);
        if (PAID_ATTEMPT_STATES.includes(reached))
          feesSpent.set(fee.unit, (feesSpent.get(fee.unit) ?? 0n) + paidFee(attempt));
      }
    }
    return {
      intents,
      attempts,
      feesSpent,
      ...(includedSize === undefined ? {} : { includedSize }),
      ...(finalSize === undefined ? {} : { finalSize }),
      ...(oldestOpenAtMs === undefined ? {} : { oldestOpenAtMs }),
    };
  }

  async costs(anchor: string, sinceMs: number): Promise<readonly AnchorCost[]> {
    const costs = new Map<string, AnchorCost>();
    const attempts = await this.attemptsSince(anchor, sinceMs);
    for (const attempt of attempts.filter(({ state }) => PAID_ATTEMPT_STATES.includes(state))) {
      const dayMs = Math.floor(attempt.createdAtMs / DAY_MS) * DAY_MS;
      const { unit } = attempt.fee;
      const { amount = 0n, transactions = 0 } = costs.get(`${dayMs} ${unit}`) ?? {};
      costs.set(`${dayMs} ${unit}`, {
        dayMs,
        unit,
        amount: amount + paidFee(attempt),
        transactions: transactions + 1,
      });
    }
    return [...costs.values()].sort((a, b) => b.dayMs - a.dayMs || (a.unit < b.unit ? -1 : 1));
  }

  async putAttempt(lease: Lease, attempt: Attempt): Promise<void> {
    const record = this.guarded(lease, attempt.intentId);
    const before = record.attempts.find(({ number }) => number === attempt.number);
    if (before === undefined) record.attempts.push(attempt);
    else if (before.txId !== attempt.txId) throw new AttemptTaken(attempt.intentId, attempt.number);
  }

  async moveAttempt(
    lease: Lease,
    key: AttemptKey,
    from: AttemptState,
    to: AttemptState,
    patch: AttemptPatch = {},
  ): Promise<boolean> {
    const record = this.guarded(lease, key.intentId);
    const index = record.attempts.findIndex(({ number }) => number === key.number);
    const before = record.attempts[index];
    if (before?.state !== from) return false;
    record.attempts[index] = { ...before, ...patch, state: to };
    return true;
  }

  async moveIntent(
    lease: Lease,
    id: string,
    from: IntentState,
    to: IntentState,
    patch: IntentPatch = {},
  ): Promise<boolean> {
    const record = this.guarded(lease, id);
    if (record.state !== from) return false;
    record.state = to;
    if (patch.reason !== undefined) record.reason = patch.reason || undefined;
    if (patch.retryAtMs !== undefined) record.retryAtMs = patch.retryAtMs || undefined;
    record.bumps = patch.bumps ?? record.bumps;
    if (from !== to) {
      const event = intentEvent(
        { id, anchor: record.intent.anchor, size: record.intent.commitment.size },
        to,
        this.clock.nowMs(),
      );
      if (event !== undefined) this.outbox.append(event);
    }
    return true;
  }

  async touch(lease: Lease, ids: readonly string[]): Promise<void> {
    this.leases.guard(lease);
    for (const id of ids) {
      const record = this.intents.get(id);
      if (record) record.touched = this.touches += 1;
    }
  }

  async putEvidence(lease: Lease, intentId: string, evidence: Evidence): Promise<void> {
    this.guarded(lease, intentId).evidence.push(evidence);
  }

  private guarded(lease: Lease, intentId: string): IntentRecord {
    this.leases.guard(lease);
    const record = this.intents.get(intentId);
    if (record === undefined) throw new IntentUnknown(intentId);
    record.touched = this.touches += 1;
    return record;
  }

  private of(anchor: string): IntentRecord[] {
    return [...this.intents.values()].filter(({ intent }) => intent.anchor === anchor);
  }
}

const keysOf = (records: readonly IntentRecord[]): readonly string[] =>
  records.flatMap(({ attempts }) => attempts.map(({ conflictKey }) => conflictKey));

const larger = (a: bigint | undefined, b: bigint): bigint => (a === undefined || b > a ? b : a);

function bySizeAscending(a: IntentRecord, b: IntentRecord): number {
  const difference = a.intent.commitment.size - b.intent.commitment.size;
  return difference < 0n ? -1 : difference > 0n ? 1 : a.intent.createdAtMs - b.intent.createdAtMs;
}

function asStoredIntent(record: IntentRecord): StoredIntent {
  const evidence = record.evidence.at(-1);
  return {
    ...record.intent,
    state: record.state,
    attempts: [...record.attempts].sort((a, b) => a.number - b.number),
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(record.retryAtMs === undefined ? {} : { retryAtMs: record.retryAtMs }),
    bumps: record.bumps,
    ...(evidence === undefined ? {} : { evidence }),
  };
}
