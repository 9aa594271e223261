import type { Lease, LeaseStore } from '../anchoring/anchor.store.js';
import type { Clock } from '../spi/index.js';
import { LeaseLost } from '../stores/store.js';

/** Calls `fire` once after `ms`, unless the returned function is called before. */
export type Timer = (ms: number, fire: () => void) => () => void;

/** A term is renewed this many times, so that one renewal may fail and the next still comes in time. */
const RENEWALS_PER_TERM = 3;

/**
 * Renews a lease just acquired until `release` is called. `lost` hears once, at the latest when the term is over by
 * this process's clock, that another replica may hold it now: somebody took it, or the store does not answer.
 */
export function keepLease(
  lease: Lease,
  termMs: number,
  parts: { readonly leases: LeaseStore; readonly clock: Clock; readonly timer: Timer },
  lost: (reason: LeaseLost) => void,
): { release(): void } {
  const { leases, clock, timer } = parts;
  let untilMs = clock.nowMs() + termMs;
  let kept = true;
  let cancel = arm();

  function arm(): () => void {
    return timer(Math.ceil(termMs / RENEWALS_PER_TERM), () => void renew());
  }

  function lose(how: string): void {
    if (!kept) return;
    release();
    lost(new LeaseLost(`the lease "${lease.name}" of ${lease.holder} was lost: ${how}.`));
  }

  async function renew(): Promise<void> {
    if (clock.nowMs() >= untilMs) {
      lose('the store did not renew it within its term');
      return;
    }
    cancel = arm();
    const askedAtMs = clock.nowMs();
    // What the store cannot answer now it may answer at the next renewal; until then the term still runs.
    const renewed = await leases.renew(lease, termMs).catch(() => undefined);
    if (renewed === false) lose('another replica took it');
    else if (renewed === true) untilMs = Math.max(untilMs, askedAtMs + termMs);
  }

  function release(): void {
    kept = false;
    cancel();
  }

  return { release };
}
