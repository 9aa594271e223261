import {
  type AnchorCondition,
  type AnchorInstance,
  type AnchorTotals,
  runwayOf,
  worstCaseFee,
} from '../anchoring/index.js';
import { FEE_DAY_MS } from '../anchoring/anchor-policy.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import type { Anchoring } from './compose-anchoring.js';

/** One anchor for the person who runs it. Amounts are in `unit`, the ledger's smallest. */
export interface AnchorOverview {
  readonly anchor: string;
  readonly instance: AnchorInstance;
  readonly totals: AnchorTotals;
  readonly condition: AnchorCondition | undefined;
  /** Undefined while nothing was signed and nothing quoted. */
  readonly unit: string | undefined;
  readonly paid: bigint;
  /** Entries in the batches that the paid checkpoints cover. */
  readonly entries: bigint;
  /** What a million of those entries has cost, rounded up; undefined while there are none. */
  readonly paidPerMillion: bigint | undefined;
  /** What one of those batches has cost, rounded up; undefined while there are none. */
  readonly paidPerBatch: bigint | undefined;
  /** With a cap of the day: the worst that what was signed in the last 24 hours can cost, and what is left. */
  readonly budget: { readonly spent: bigint; readonly left: bigint } | undefined;
  readonly runwayAnchors: number | undefined;
}

/** What the store knows of an anchor, and what its watch saw last. */
export async function anchorOverview(
  anchor: string,
  instance: AnchorInstance,
  { store, anchoring, clock }: { store: Store; anchoring: Anchoring; clock: Clock },
): Promise<AnchorOverview> {
  const { maxFeePerDay } = instance.policy;
  const [totals, condition, recent] = await Promise.all([
    store.anchors.totals(anchor),
    anchoring.watch.condition(anchor),
    store.anchors.attemptsSince(anchor, clock.nowMs() - FEE_DAY_MS),
  ]);
  const unit = [...totals.feesSpent.keys()][0] ?? condition?.funds?.fee.unit ?? recent[0]?.fee.unit;
  const paid = totals.feesSpent.get(unit ?? '') ?? 0n;
  const { includedSize = 0n } = totals;
  const last =
    includedSize === 0n ? undefined : await store.batches.byNumber(Number(includedSize) - 1);
  const entries = last === undefined ? 0n : last.first + BigInt(last.count);
  const spent = worstCaseFee(recent);
  return {
    anchor,
    instance,
    totals,
    condition,
    unit,
    paid,
    entries,
    paidPerMillion: shareOf(paid * 1_000_000n, entries),
    paidPerBatch: shareOf(paid, includedSize),
    budget:
      maxFeePerDay === undefined
        ? undefined
        : { spent, left: maxFeePerDay > spent ? maxFeePerDay - spent : 0n },
    runwayAnchors: runwayOf(condition?.funds),
  };
}

/** Rounded up; undefined among none. */
const shareOf = (amount: bigint, among: bigint): bigint | undefined =>
  among === 0n ? undefined : (amount + among - 1n) / among;
