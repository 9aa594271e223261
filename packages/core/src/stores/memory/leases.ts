import type { Lease, LeaseStore } from '../../anchoring/anchor.store.js';
import type { Clock } from '../../spi/index.js';
import { LeaseLost } from '../store.js';

interface LeaseRecord {
  readonly holder: string;
  readonly fence: bigint;
  /** Undefined after a release. */
  readonly expiresAtMs?: number;
}

export class MemoryLeases implements LeaseStore {
  /** Never forgotten, or a fence could be given twice. */
  private readonly leases = new Map<string, LeaseRecord>();

  constructor(private readonly clock: Clock) {}

  async acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    const now = this.clock.nowMs();
    const current = this.leases.get(name);
    const live = current?.expiresAtMs !== undefined && current.expiresAtMs > now;
    if (live && current.holder !== holder) return undefined;
    const fence = live ? current.fence : (current?.fence ?? 0n) + 1n;
    this.leases.set(name, { holder, fence, expiresAtMs: now + ttlMs });
    return { name, holder, fence };
  }

  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    if (!this.holds(lease)) return false;
    const { holder, fence } = lease;
    this.leases.set(lease.name, { holder, fence, expiresAtMs: this.clock.nowMs() + ttlMs });
    return true;
  }

  async release(lease: Lease): Promise<void> {
    if (this.holds(lease))
      this.leases.set(lease.name, { holder: lease.holder, fence: lease.fence });
  }

  /** Refuses a write whose lease was released or taken over. An expired one that nobody took is still exclusive. */
  guard(lease: Lease): void {
    if (!this.holds(lease))
      throw new LeaseLost(
        `the lease "${lease.name}" of ${lease.holder} (fence ${lease.fence}) is no longer held. Acquire it again and start from the stored state.`,
      );
  }

  private holds(lease: Lease): boolean {
    const current = this.leases.get(lease.name);
    return (
      current?.expiresAtMs !== undefined &&
      current.holder === lease.holder &&
      current.fence === lease.fence
    );
  }
}
