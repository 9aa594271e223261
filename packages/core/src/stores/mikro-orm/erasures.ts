import type {
  ErasedEntry,
  ErasedReports,
  ErasureOutcome,
  ErasureStore,
  ReportsOfMeter,
} from '../../logs/erasure.store.js';
import type { Journaled } from '../../logs/journal.js';
import { erasedEventData } from '../committed-events.js';
import { oneCreditorAtATime } from './energy-credits.js';
import { PLACE } from './entries.js';
import { entryIdOf, hexOf, uuidOf } from './entry-id.js';
import { deleteReports, forgetReports } from './erased-reports.js';
import { meterRegisterSql } from './meter-register.js';
import { eventsOf } from './outbox-rows.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { column } from './sql-column.js';

interface BodyRow {
  readonly id: string;
  readonly asked: string;
  readonly account_id: string;
  readonly source: 'external' | 'system';
  readonly log_hash: Uint8Array;
  readonly salted: boolean;
  readonly batch_number: bigint | null;
  readonly batch_index: number;
}

/** Rows of the outbox looked through in one statement. */
const OUTBOX_ROWS = 500;

export class SqlErasures implements ErasureStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
    /** Has deliveries and notices forget what they tell of these entries. */
    private readonly forgetTold: (entryIds: readonly string[]) => Promise<void>,
  ) {}

  async erase(
    entryIds: readonly string[],
    atMs: number,
    keyOf: (logHash: Uint8Array) => Uint8Array,
    say: (erased: readonly ErasedEntry[]) => Journaled,
  ): Promise<readonly ErasureOutcome[]> {
    const known = entryIds.filter((id) => uuidOf(id) !== undefined);
    const { outcomes, gone } = await this.changes.run(async (tx, journal) => {
      await oneCreditorAtATime(tx);
      const rows = await lockBodies(tx, known);
      const before = await erasedAmong(tx, known);
      const byAsked = Map.groupBy(rows, ({ asked }) => entryIdOf(asked));
      const told = entryIds.map((entryId): ErasureOutcome => {
        if (before.has(entryId)) return { entryId, kind: 'already_erased' };
        const own = byAsked.get(entryId);
        if (own === undefined) return { entryId, kind: 'refused', code: 'entry_unknown' };
        if (own.some(({ id, asked, source }) => id === asked && source === 'system'))
          return { entryId, kind: 'refused', code: 'entry_system' };
        if (own.some(({ salted }) => !salted))
          return { entryId, kind: 'refused', code: 'entry_unsalted' };
        return { entryId, kind: 'erased' };
      });
      const erasing = new Set(
        told.flatMap(({ entryId, kind }) => (kind === 'erased' ? [hexOf(entryId)] : [])),
      );
      const doomed = new Map(
        rows
          .filter(({ asked }) => erasing.has(asked.replaceAll('-', '')))
          .map((row) => [row.id, row]),
      );
      const all = [...doomed.values()];
      if (all.length > 0) {
        await deleteContent(tx, all, atMs, keyOf);
        await journal(say(all.map((row) => erasedOf(row, atMs))));
      }
      return { outcomes: told, gone: all.map(({ id }) => entryIdOf(id)) };
    });
    // Events are scrubbed after it, in small steps; who asks again after a crash in between scrubs again.
    const again = outcomes.filter(({ kind }) => kind === 'already_erased');
    const untold = [...gone, ...again.map(({ entryId }) => entryId)];
    await this.scrubOutbox(untold);
    await this.forgetTold(untold);
    return outcomes;
  }

  async erased(entryId: string): Promise<ErasedEntry | undefined> {
    if (uuidOf(entryId) === undefined) return undefined;
    const [row] = await this.sql.query<{
      account_id: string;
      erased_at_ms: bigint;
      batch_number: bigint | null;
      batch_index: number;
    }>(
      `SELECT g.account_id, g.erased_at_ms, p.batch_number, p.index AS batch_index
       FROM erased_entry g JOIN entry e ON e.id = g.entry_id ${PLACE} WHERE g.entry_id = $1`,
      [hexOf(entryId)],
    );
    if (row === undefined) return undefined;
    return erasedOf({ ...row, id: hexOf(entryId) }, Number(row.erased_at_ms));
  }

  async eraseReports(
    of: ReportsOfMeter,
    nowMs: number,
    say: (erased: ErasedReports) => Journaled,
  ): Promise<ErasedReports> {
    const { erased, ids } = await this.changes.run(async (tx, journal) => {
      const gone = await deleteReports(tx, of, nowMs);
      if (Object.values(gone.erased).some((count) => count > 0)) await journal(say(gone.erased));
      return gone;
    });
    await forgetReports(this.sql, { ...of, gone: new Set(ids) });
    return erased;
  }

  private async entriesWith(
    hashes: readonly string[],
  ): Promise<(hash: string) => string | undefined> {
    if (hashes.length === 0) return () => undefined;
    const rows = await this.sql.query<{ entry_id: string; log_hash: Uint8Array }>(
      'SELECT entry_id, log_hash FROM entry_body WHERE log_id = 1 AND log_hash = ANY($1::bytea[])',
      [hashes.map((one) => Buffer.from(one, 'hex'))],
    );
    const ids = new Map(
      rows.map((row) => [Buffer.from(row.log_hash).toString('hex'), entryIdOf(row.entry_id)]),
    );
    return (hash) => ids.get(hash);
  }

  /** Takes out of events what they tell of these entries: their hash, their meter, everything but their id. */
  private async scrubOutbox(entryIds: readonly string[]): Promise<void> {
    if (entryIds.length === 0) return;
    const erased = new Set(entryIds);
    let behind = 0n;
    for (;;) {
      const rows = await this.sql.query<{ id: bigint; events: string | null }>(
        `SELECT id, CASE WHEN events LIKE ANY($2::text[]) THEN events END AS events
         FROM outbox WHERE id > $1 ORDER BY id LIMIT $3`,
        [behind, entryIds.map((id) => `%${id.replace('_', '\\_')}%`), OUTBOX_ROWS],
      );
      for (const { id, events } of rows) {
        behind = id;
        if (events === null) continue;
        const told = eventsOf(events);
        const isErased = ({ entry }: (typeof told)[number][1]) =>
          typeof entry === 'string' && erased.has(entry);
        const entryOf = await this.entriesWith(
          told.flatMap(([, data]) =>
            isErased(data) && typeof data['supersedes'] === 'string' ? data['supersedes'] : [],
          ),
        );
        const kept = told.map(([type, data]) => [
          type,
          isErased(data) ? erasedEventData(data, entryOf) : data,
        ]);
        await this.sql.query('UPDATE outbox SET events = $2 WHERE id = $1', [
          id,
          JSON.stringify(kept),
        ]);
      }
      if (rows.length < OUTBOX_ROWS) return;
    }
  }
}

function erasedOf(
  row: Pick<BodyRow, 'id' | 'account_id' | 'batch_number' | 'batch_index'>,
  erasedAtMs: number,
): ErasedEntry {
  const { id, account_id: accountId, batch_number: number, batch_index: index } = row;
  const batch = number === null ? {} : { batch: { number: Number(number), index } };
  return { entryId: entryIdOf(id), accountId, erasedAtMs, ...batch };
}

/** These entries and all that was derived from them, each with the one that was asked for; their bodies are locked. */
async function lockBodies(tx: Sql, entryIds: readonly string[]): Promise<readonly BodyRow[]> {
  return tx.query<BodyRow>(
    `WITH RECURSIVE wanted AS (
       SELECT id, id AS asked FROM unnest($1::uuid[]) AS id
       UNION SELECT d.entry_id, w.asked FROM wanted w JOIN entry_derivation d ON d.source_id = w.id)
     SELECT e.id, w.asked, e.account_id, e.source, b.log_hash, length(b.salt) > 0 AS salted,
       p.batch_number, p.index AS batch_index
     FROM wanted w JOIN entry e ON e.id = w.id JOIN entry_body b ON b.entry_id = e.id ${PLACE}
     ORDER BY e.id FOR UPDATE OF b`,
    [entryIds.map(hexOf)],
  );
}

async function erasedAmong(tx: Sql, entryIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ entry_id: string }>(
    'SELECT entry_id FROM erased_entry WHERE entry_id = ANY($1::uuid[])',
    [entryIds.map(hexOf)],
  );
  return new Set(rows.map(({ entry_id: id }) => entryIdOf(id)));
}

async function deleteContent(
  tx: Sql,
  rows: readonly BodyRow[],
  atMs: number,
  keyOf: (logHash: Uint8Array) => Uint8Array,
): Promise<void> {
  const ids = column(rows, ({ id }) => id);
  await forgetEnergy(tx, ids);
  await tx.query(
    `WITH bodies AS (DELETE FROM entry_body WHERE entry_id = ANY($1::uuid[])),
     readings AS (DELETE FROM reading WHERE entry_id = ANY($1::uuid[])),
     -- Findings in later readings of a meter may tell of this one; no history is longer than 366 days.
     findings AS (DELETE FROM finding f USING entry gone, entry e WHERE gone.id = ANY($1::uuid[]) AND f.entry_id = e.id
       AND e.meter_id = gone.meter_id AND e.starts_ms - gone.starts_ms BETWEEN 0 AND 31622400000),
     held AS (DELETE FROM quarantine WHERE entry_id = ANY($1::uuid[])),
     fields AS (UPDATE entry SET meter_id = NULL, starts_ms = NULL, ends_ms = NULL WHERE id = ANY($1::uuid[]))
     INSERT INTO erased_entry (entry_id, account_id, key, erased_at_ms)
     SELECT k.id, k.account, k.key, $4::int8 FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS k (id, account, key)`,
    [
      ids,
      column(rows, ({ account_id: account }) => account),
      column(rows, ({ log_hash: hash }) => keyOf(hash)),
      atMs,
    ],
  );
}

/**
 * What was used stays as its claims state it; the rest of the interval is told to nobody any more, and can never be used. Who
 * replaced the reading will not find it any more: its credit ends here.
 */
async function forgetEnergy(tx: Sql, ids: readonly string[]): Promise<void> {
  await tx.query(
    `DELETE FROM energy_account WHERE entry_id = ANY($1::uuid[]) AND claimed = 0
       AND NOT EXISTS (SELECT FROM energy_claim c WHERE c.account = energy_account.id)`,
    [ids],
  );
  await tx.query(
    `UPDATE energy_account a SET credited = CASE WHEN k.stood THEN least(a.credited, a.claimed) ELSE 0 END,
       shortfall = CASE WHEN k.stood THEN a.shortfall ELSE a.claimed END, frozen = true
     FROM (SELECT o.id, EXISTS (SELECT FROM reading_interval i JOIN reading r ON r.entry_id = o.entry_id AND r.register = o.register
         WHERE i.meter_register = ${meterRegisterSql('r')} AND i.entry_id = o.entry_id AND i.span @> e.starts_ms) AS stood
       FROM energy_account o JOIN entry e ON e.id = o.entry_id WHERE o.entry_id = ANY($1::uuid[]) ORDER BY o.id FOR UPDATE OF o) k
     WHERE a.id = k.id`,
    [ids],
  );
}
