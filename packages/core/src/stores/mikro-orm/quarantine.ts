import type { IngestRow } from '../../ingestion/ingest.store.js';
import { atLeast, type Assurance } from '../../logs/verdict.js';
import type { Journaled } from '../../logs/journal.js';
import {
  type QuarantineItem,
  type QuarantineState,
  type QuarantineStore,
  type Review,
  type ReviewOutcome,
  reviewedVerdict,
} from '../../quarantine/quarantine.store.js';
import type { DurabilityClass } from '../../spi/index.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { entryIdOf, uuidOf } from './entry-id.js';
import type { Candidate } from './ingest-candidate.js';
import { takeContested } from './ingest-contested.js';
import { occupyIntervals } from './ingest-intervals.js';
import { writeVerdicts } from './ingest-verdicts.js';
import { ListConditions } from './list-conditions.js';
import type { Sql } from './sql.js';
import type { SqlChanges, WriteJournal } from './sql-changes.js';

interface ItemRow {
  readonly entry_id: string;
  readonly arrival: bigint;
  readonly account_id: string;
  readonly meter_id: string;
  readonly reason: string;
  readonly state: QuarantineState;
  readonly held_at_ms: bigint;
  readonly others: string | null;
  readonly decided_by: string | null;
  readonly decided_at_ms: bigint | null;
  readonly decision_reason: string | null;
}

interface HeldRow {
  readonly account_id: string;
  readonly format: string;
  readonly starts_ms: bigint;
  readonly ends_ms: bigint;
  readonly meter_id: string;
  readonly bytes: Uint8Array;
  readonly log_hash: Uint8Array;
  readonly supersedes: Uint8Array | null;
  readonly claimant: string | null;
  readonly assurance: Assurance;
  readonly fingerprint: Uint8Array;
  readonly site_id: string;
  readonly device_id: string;
  readonly estimated: boolean;
  readonly register: string;
  readonly energy_uwh: bigint;
}

const ITEM = `SELECT q.entry_id, q.arrival, q.account_id, q.meter_id, q.reason, q.state, q.held_at_ms,
    array_to_string(q.others, ',') AS others, q.decided_by, q.decided_at_ms, q.decision_reason FROM quarantine q`;

export class SqlQuarantine implements QuarantineStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
    private readonly durability: DurabilityClass,
  ) {}

  async get(entryId: string): Promise<QuarantineItem | undefined> {
    const uuid = uuidOf(entryId);
    return uuid === undefined ? undefined : readItem(this.sql, uuid);
  }

  async list(
    query: Parameters<QuarantineStore['list']>[0],
  ): Promise<{ readonly items: readonly QuarantineItem[]; readonly cursor?: string }> {
    const list = new ListConditions([query.limit + 1]);
    list.where('q.state =', query.state);
    list.where('q.reason =', query.reason);
    list.where('q.meter_id =', query.meterId);
    list.where('q.account_id =', query.accountId);
    list.where(
      'q.arrival >',
      query.cursor === undefined ? undefined : readNumberCursor(query.cursor),
    );
    const rows = await this.sql.query<ItemRow>(
      `${ITEM} ${list.filter} ORDER BY q.arrival LIMIT $1`,
      list.params,
    );
    const { items, cursor } = page(rows, query.limit, (last) => numberCursor(last.arrival));
    return { items: items.map(itemOf), ...(cursor === undefined ? {} : { cursor }) };
  }

  async review(
    entryId: string,
    review: Review,
    say: (item: QuarantineItem) => Journaled,
  ): Promise<ReviewOutcome> {
    const uuid = uuidOf(entryId);
    if (uuid === undefined) return { kind: 'unknown' };
    return this.changes.run((tx, journal) => this.decide(tx, journal, uuid, review, say));
  }

  private async decide(
    tx: Sql,
    journal: WriteJournal,
    uuid: string,
    review: Review,
    say: (item: QuarantineItem) => Journaled,
  ): Promise<ReviewOutcome> {
    // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote, another reviewer
    // or the same bytes that came again.
    await tx.query('SELECT FROM entry WHERE id = $1 FOR UPDATE', [uuid]);
    const item = await readItem(tx, uuid);
    if (item === undefined)
      return (await isErased(tx, uuid)) ? { kind: 'erased' } : { kind: 'unknown' };
    if (item.state === review.state) return { kind: 'decided', item, existing: true };
    if (item.state !== 'open') return { kind: 'conflict', item };
    const row = await readHeld(tx, uuid, review);
    if (row === undefined) return { kind: 'erased' };
    const candidate: Candidate = {
      row,
      registers: [...new Set(row.reading?.energies.map(({ register }) => register))].toSorted(),
      place: 0,
      uuid,
      known: true,
    };
    if (
      review.state === 'released' &&
      row.reading?.occupies === true &&
      (await isOthersMeter(tx, uuid))
    )
      return { kind: 'not_owned' };
    await occupyIntervals(tx, [candidate]);
    const { answer } = candidate;
    if (answer?.kind === 'refused') return answer;
    await takeContested(tx, candidate);
    const { by, atMs, reason, state } = review;
    const decided: QuarantineItem = { ...item, state, decision: { by, atMs, reason } };
    const said = say(decided);
    await writeVerdicts(tx, [candidate], said.issue, this.durability);
    await tx.query(
      `UPDATE quarantine SET state = $2, decided_by = $3, decided_at_ms = $4, decision_reason = $5 WHERE entry_id = $1`,
      [uuid, state, by, atMs, reason],
    );
    await journal(said);
    return { kind: 'decided', item: decided, existing: false };
  }
}

/** Whether its meter is registered, and never was whose reading it is. A reading from before a hand-over is given to whose it is. */
async function isOthersMeter(tx: Sql, uuid: string): Promise<boolean> {
  const rows = await tx.query(
    `SELECT FROM entry e WHERE e.id = $1 AND EXISTS (SELECT FROM meter m WHERE m.meter_id = e.meter_id)
       AND NOT EXISTS (SELECT FROM meter_ownership o WHERE o.meter_id = e.meter_id AND o.account_id = e.account_id)`,
    [uuid],
  );
  return rows.length > 0;
}

async function isErased(tx: Sql, uuid: string): Promise<boolean> {
  return (await tx.query('SELECT FROM erased_entry WHERE entry_id = $1', [uuid])).length > 0;
}

async function readItem(sql: Sql, uuid: string): Promise<QuarantineItem | undefined> {
  const [row] = await sql.query<ItemRow>(`${ITEM} WHERE q.entry_id = $1`, [uuid]);
  return row === undefined ? undefined : itemOf(row);
}

/** The held reading as a row that is judged again; undefined when its content was erased. */
async function readHeld(tx: Sql, uuid: string, review: Review): Promise<IngestRow | undefined> {
  const rows = await tx.query<HeldRow>(
    `SELECT e.account_id, e.format, e.starts_ms, e.ends_ms, e.meter_id, b.bytes, b.log_hash, q.supersedes, q.claimant, v.assurance,
       r.fingerprint, r.site_id, r.device_id, r.estimated, r.register, r.energy_uwh
     FROM entry e JOIN entry_body b ON b.entry_id = e.id JOIN quarantine q ON q.entry_id = e.id
     JOIN reading r ON r.entry_id = e.id
     CROSS JOIN LATERAL (SELECT assurance FROM verdict WHERE entry_id = e.id ORDER BY group_id DESC LIMIT 1) v
     WHERE e.id = $1 ORDER BY r.register`,
    [uuid],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const { supersedes, claimant, assurance } = first;
  return {
    id: entryIdOf(uuid),
    accountId: first.account_id,
    source: 'external',
    type: 'reading',
    format: first.format,
    bytes: first.bytes,
    logHash: first.log_hash,
    // What its leaf was made of stays as it is: only a verdict is added.
    salt: new Uint8Array(0),
    profile: 'rfc9162',
    merkleLeaf: new Uint8Array(0),
    assurance,
    ...reviewedVerdict(review),
    ruleSet: review.ruleSet,
    receivedAtMs: review.atMs,
    reading: {
      fingerprint: first.fingerprint,
      siteId: first.site_id,
      deviceId: first.device_id,
      meterId: first.meter_id,
      startsMs: Number(first.starts_ms),
      endsMs: Number(first.ends_ms),
      energies: rows.map(({ register, energy_uwh: energyUWh }) => ({ register, energyUWh })),
      estimated: first.estimated,
      occupies: atLeast(assurance, review.minAssurance),
      ...(supersedes === null ? {} : { supersedes }),
      ...(claimant === null ? {} : { claimant }),
    },
  };
}

function itemOf(row: ItemRow): QuarantineItem {
  const others = row.others ?? '';
  return {
    entryId: entryIdOf(row.entry_id),
    accountId: row.account_id,
    meterId: row.meter_id,
    reason: row.reason,
    state: row.state,
    heldAtMs: Number(row.held_at_ms),
    others: others === '' ? [] : others.split(',').map(entryIdOf),
    ...(row.decided_by === null
      ? {}
      : {
          decision: {
            by: row.decided_by,
            atMs: Number(row.decided_at_ms),
            reason: row.decision_reason ?? '',
          },
        }),
  };
}
