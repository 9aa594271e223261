import type { Lease, LeaseStore } from '../../anchoring/anchor.store.js';
import { LeaseLost } from '../store.js';
import type { Sql } from './sql.js';

/** Leases by the clock of the database: clocks of gateways do not matter. */
export class SqlLeases implements LeaseStore {
  constructor(private readonly sql: Sql) {}

  async acquire(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    const [row] = await this.sql.query<{ fence: bigint }>(
      `INSERT INTO lease AS l (name, holder, fence, expires_at)
       VALUES ($1, $2, 1, clock_timestamp() + $3::float8 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
         fence = l.fence + CASE WHEN l.holder = excluded.holder AND l.expires_at > clock_timestamp() THEN 0 ELSE 1 END
       WHERE l.holder = excluded.holder OR l.expires_at IS NULL OR l.expires_at <= clock_timestamp()
       RETURNING fence`,
      [name, holder, ttlMs],
    );
    return row === undefined ? undefined : { name, holder, fence: row.fence };
  }

  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    const renewed = await this.sql.query(
      `UPDATE lease SET expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
       WHERE name = $1 AND holder = $2 AND fence = $3 AND expires_at IS NOT NULL RETURNING fence`,
      [lease.name, lease.holder, lease.fence, ttlMs],
    );
    return renewed.length > 0;
  }

  async release(lease: Lease): Promise<void> {
    await this.sql.query(
      `UPDATE lease SET expires_at = NULL WHERE name = $1 AND holder = $2 AND fence = $3`,
      [lease.name, lease.holder, lease.fence],
    );
  }
}

/**
 * Makes the transaction hold the lease's row: nobody takes the lease over before it ends. Throws `LeaseLost` when
 * it was released or taken over; an expired lease that nobody took is still exclusive.
 */
export async function guard(tx: Sql, lease: Lease): Promise<void> {
  const held = await tx.query(
    `SELECT fence FROM lease WHERE name = $1 AND holder = $2 AND fence = $3 AND expires_at IS NOT NULL FOR SHARE`,
    [lease.name, lease.holder, lease.fence],
  );
  if (held.length === 0)
    throw new LeaseLost(
      `the lease "${lease.name}" of ${lease.holder} (fence ${lease.fence}) is no longer held. Acquire it again and start from the stored state.`,
    );
}
