import type { OutboxStore } from '../../events/outbox.store.js';
import type { DomainEvent } from '../../spi/index.js';
import type { CommittedEvent } from '../committed-events.js';
import { appendEvents, eventsOf } from './outbox-rows.js';
import type { Sql } from './sql.js';

/** Digits of an event id: ids compare as strings in the order of their positions. */
const ID_DIGITS = 20;
/** Rows numbered per transaction. */
const NUMBERED_AT_ONCE = 1_000;

interface EventRow {
  /** Of the row's last event. */
  readonly position: bigint;
  readonly count: number;
  readonly at_ms: bigint;
  readonly events: string;
}
/** Rows per query of a reader. */
const ROWS_AT_ONCE = 16;

/**
 * Events get their position when somebody reads, not when they are written: identity values commit out of order,
 * so a reader that went on to 8 would never see a 7 that commits late. What commits late gets a later position.
 */
export class SqlOutbox implements OutboxStore {
  constructor(private readonly sql: Sql) {}

  tell(events: readonly CommittedEvent[]): Promise<void> {
    return appendEvents(this.sql, events);
  }

  async read(
    cursor: string,
    types: readonly string[] | 'all',
    limit: number,
  ): Promise<readonly DomainEvent[]> {
    const passed = (await this.position(cursor)) ?? (await this.begin(cursor));
    await this.number();
    const wanted = types === 'all' ? null : types;
    return this.collect(passed, limit, types, (behind, rows) =>
      this.sql.query<EventRow>(
        `SELECT position, count, at_ms, events FROM outbox
         WHERE position > $1 AND ($2::text[] IS NULL OR types && $2::text[]) ORDER BY position LIMIT $3`,
        [behind, wanted, rows],
      ),
    );
  }

  async last(): Promise<string | undefined> {
    await this.number();
    const [head] = await this.sql.query<{ last: bigint }>(
      'SELECT last FROM outbox_head WHERE log_id = 1',
    );
    return head === undefined || head.last === 0n ? undefined : idOf(head.last);
  }

  async between(
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
    behindId: string | undefined,
    limit: number,
  ): Promise<readonly DomainEvent[]> {
    await this.number();
    return this.collect(BigInt(behindId ?? 0), limit, 'all', (behind, rows) =>
      this.sql.query<EventRow>(
        `SELECT position, count, at_ms, events FROM outbox
         WHERE position > $1 AND at_ms >= $2 AND at_ms < $3 ORDER BY position LIMIT $4`,
        [behind, fromMs, toMs, rows],
      ),
    );
  }

  async behind(id: string, limit: number): Promise<readonly DomainEvent[]> {
    await this.number();
    return this.collect(BigInt(id === '' ? 0 : id), limit, 'all', (behind, rows) =>
      this.sql.query<EventRow>(
        'SELECT position, count, at_ms, events FROM outbox WHERE position > $1 ORDER BY position LIMIT $2',
        [behind, rows],
      ),
    );
  }

  /** Up to `limit` events of these types with positions greater than `passed`; `next` reads rows of the outbox. */
  private async collect(
    passed: bigint,
    limit: number,
    types: readonly string[] | 'all',
    next: (behind: bigint, rows: number) => Promise<readonly EventRow[]>,
  ): Promise<readonly DomainEvent[]> {
    const found: DomainEvent[] = [];
    for (let behind = passed; ;) {
      const rows = await next(behind, Math.min(limit, ROWS_AT_ONCE));
      for (const row of rows) {
        behind = row.position;
        const first = row.position - BigInt(row.count) + 1n;
        for (const [index, [type, data]] of eventsOf(row.events).entries()) {
          const position = first + BigInt(index);
          if (position <= passed || (types !== 'all' && !types.includes(type))) continue;
          found.push({ id: idOf(position), type, atMs: Number(row.at_ms), data });
          if (found.length === limit) return found;
        }
      }
      if (rows.length === 0) return found;
    }
  }

  async advance(cursor: string, throughId: string): Promise<void> {
    // A late confirmation of an earlier event moves nothing back.
    await this.sql.query(
      `INSERT INTO outbox_cursor AS c (name, position) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET position = greatest(c.position, excluded.position)`,
      [cursor, BigInt(throughId)],
    );
  }

  async prune(beforeMs: number): Promise<number> {
    await this.number();
    const [row] = await this.sql.query<{ pruned: bigint }>(
      `WITH gone AS (
         DELETE FROM outbox WHERE at_ms < $1
           AND position <= coalesce((SELECT min(position) FROM outbox_cursor), 9223372036854775807)
         RETURNING count)
       SELECT coalesce(sum(count), 0) AS pruned FROM gone`,
      [beforeMs],
    );
    return Number(row?.pruned ?? 0n);
  }

  private async position(cursor: string): Promise<bigint | undefined> {
    const [row] = await this.sql.query<{ position: bigint }>(
      'SELECT position FROM outbox_cursor WHERE name = $1',
      [cursor],
    );
    return row?.position;
  }

  /** A subscriber is known from its first read: what it has not confirmed is not pruned. */
  private async begin(cursor: string): Promise<bigint> {
    await this.sql.query(
      'INSERT INTO outbox_cursor (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING',
      [cursor],
    );
    return (await this.position(cursor)) ?? 0n;
  }

  /** Gives positions to everything that is committed and has none. */
  private async number(): Promise<void> {
    for (;;) {
      const [waiting] = await this.sql.query<{ waits: boolean }>(
        'SELECT EXISTS (SELECT 1 FROM outbox WHERE position IS NULL) AS waits',
      );
      if (waiting?.waits !== true) return;
      await this.sql.transaction(async (tx) => {
        // The lock comes first and alone: the next statement's snapshot must see what the last holder numbered.
        await tx.query('SELECT last FROM outbox_head WHERE log_id = 1 FOR UPDATE');
        await tx.query(
          `WITH fresh AS (
             SELECT id, sum(count) OVER (ORDER BY id) AS place
             FROM (SELECT id, count FROM outbox WHERE position IS NULL ORDER BY id LIMIT $1) AS waiting),
           numbered AS (
             UPDATE outbox o SET position = h.last + fresh.place FROM fresh, outbox_head h
             WHERE o.id = fresh.id AND h.log_id = 1 RETURNING o.count)
           UPDATE outbox_head SET last = last + (SELECT coalesce(sum(count), 0) FROM numbered) WHERE log_id = 1`,
          [NUMBERED_AT_ONCE],
        );
      });
    }
  }
}

const idOf = (position: bigint): string => String(position).padStart(ID_DIGITS, '0');
