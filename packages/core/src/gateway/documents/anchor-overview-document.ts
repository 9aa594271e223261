import type { AnchorCost } from '../../anchoring/index.js';
import type { AnchorOverview } from '../anchor-overview.js';

/** An anchor as its operator sees it. Amounts are decimal strings in `unit`, the ledger's smallest. */
export function anchorOverviewDocument(
  overview: AnchorOverview,
  costs: readonly AnchorCost[],
  nowMs: number,
): object {
  const { instance, totals, condition, budget } = overview;
  const { policy, capabilities } = instance;
  const { oldestOpenAtMs } = totals;
  return {
    anchor: overview.anchor,
    cost: capabilities.cost,
    trust: capabilities.trust,
    checked_at: instant(condition?.checkedAtMs),
    alerts: (condition?.alerts ?? []).map(({ code, sinceMs, detail }) => ({
      code,
      since: instant(sinceMs),
      detail,
    })),
    checkpoints: Object.fromEntries(totals.intents),
    included_size: Number(totals.includedSize ?? 0n),
    final_size: Number(totals.finalSize ?? 0n),
    oldest_pending:
      oldestOpenAtMs === undefined
        ? null
        : { since: instant(oldestOpenAtMs), age_ms: nowMs - oldestOpenAtMs },
    unit: overview.unit ?? null,
    paid: String(overview.paid),
    entries: String(overview.entries),
    paid_per_million_entries: text(overview.paidPerMillion),
    paid_per_batch: text(overview.paidPerBatch),
    paid_by_day: costs.map(({ dayMs, unit, amount, transactions }) => ({
      day: new Date(dayMs).toISOString().slice(0, 10),
      paid: String(amount),
      unit,
      transactions,
    })),
    budget: {
      per_checkpoint: text(policy.maxFeePerIntent),
      per_day: text(policy.maxFeePerDay),
      spent_today: text(budget?.spent),
      left_today: text(budget?.left),
    },
    fee_now: text(condition?.funds?.fee.amount),
    balance: text(condition?.funds?.balance),
    runway_anchors: overview.runwayAnchors ?? null,
  };
}

const text = (amount: bigint | undefined): string | null =>
  amount === undefined ? null : String(amount);

const instant = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();
