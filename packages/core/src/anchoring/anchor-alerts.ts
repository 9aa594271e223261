import type { AnchorQuote, Health } from '../spi/index.js';
import type { AnchorPolicy } from './anchor-policy.js';
import type { StoredIntent } from './anchor.store.js';

/** What an anchor needs a person for. */
export const ANCHOR_ALERTS = ['stuck', 'capped', 'low_balance', 'unreachable'] as const;
export type AnchorAlertCode = (typeof ANCHOR_ALERTS)[number];

export interface AnchorAlert {
  readonly code: AnchorAlertCode;
  readonly sinceMs: number;
  readonly detail: string;
}

/** What one look at an anchor has found. */
export interface AnchorFindings {
  /** Open intents, oldest first. */
  readonly open: readonly StoredIntent[];
  /** Largest checkpoint that stands on the ledger: what it covers waits for nothing. */
  readonly includedSize: bigint;
  readonly policy: AnchorPolicy;
  readonly health: Health;
  readonly funds?: AnchorQuote;
  /** The ledger's own word that the wallet cannot pay. */
  readonly outOfFunds?: string;
}

/** The alerts that hold now. Each keeps the time it was first raised at until it no longer holds. */
export function alertsOf(
  found: AnchorFindings,
  before: readonly AnchorAlert[],
  nowMs: number,
): readonly AnchorAlert[] {
  const { open, includedSize, policy, health } = found;
  const uncovered = ({ commitment }: StoredIntent): boolean => commitment.size > includedSize;
  const waiting = open.filter(uncovered);
  const alerts: AnchorAlert[] = [];
  const raise = (code: AnchorAlertCode, detail: string): void => {
    const sinceMs = before.find((alert) => alert.code === code)?.sinceMs ?? nowMs;
    alerts.push({ code, sinceMs, detail });
  };
  // What stands on the ledger and is not heard of any more never becomes final.
  const oldest = open.find((one) => uncovered(one) || (one.state === 'included' && one.reason));
  const dueAtMs = oldest && oldest.createdAtMs + policy.deadlineMs;
  if (dueAtMs !== undefined && nowMs > dueAtMs)
    alerts.push({
      code: 'stuck',
      sinceMs: dueAtMs,
      detail: `checkpoint ${oldest?.commitment.size} is ${oldest?.state} and past its deadline${oldest?.reason ? `: ${oldest.reason}` : ''}`,
    });
  const capped = waiting.findLast(({ state }) => state === 'capped');
  if (capped)
    raise('capped', `checkpoint ${capped.commitment.size}: ${capped.reason ?? 'a cap is reached'}`);
  const low = lowBalance(found.funds, policy);
  if (found.outOfFunds ?? low) raise('low_balance', found.outOfFunds ?? low ?? '');
  if (!health.ready || !health.live)
    raise('unreachable', health.detail ?? 'the ledger is not ready');
  return alerts;
}

/** How many more anchors the balance pays for at today's fee; undefined when that cannot be told. */
export function runwayOf(funds: AnchorQuote | undefined): number | undefined {
  if (funds?.balance === undefined || funds.fee.amount <= 0n) return undefined;
  return Number(funds.balance / funds.fee.amount);
}

/** The sentence about a balance that runs low, while there is still time. */
export function lowBalance(
  funds: AnchorQuote | undefined,
  { lowRunway }: AnchorPolicy,
): string | undefined {
  const runway = runwayOf(funds);
  if (runway === undefined || runway >= lowRunway) return undefined;
  return `the balance of ${funds?.balance} ${funds?.fee.unit} pays for ${runway} more anchors`;
}
