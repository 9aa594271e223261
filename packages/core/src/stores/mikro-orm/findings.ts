import type {
  CommittedReading,
  Finding,
  FindingStore,
  Flag,
  RegisterWindow,
  StoredFinding,
} from '../../detectors/finding.store.js';
import type { HistoryPoint } from '../../detectors/register-history.js';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { Assurance, StoredVerdict } from '../../logs/verdict.js';
import type { DurabilityClass } from '../../spi/index.js';
import { entryIdOf, hexOf, uuidOf } from './entry-id.js';
import { hiddenArray } from './gathered-reads.js';
import type { Candidate } from './ingest-candidate.js';
import { writeVerdicts } from './ingest-verdicts.js';
import { meterRegisterOf } from './meter-register.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { column } from './sql-column.js';

interface ReadingRow {
  readonly id: string;
  readonly account_id: string;
  readonly log_hash: Uint8Array;
  readonly meter_id: string;
  readonly starts_ms: bigint;
  readonly ends_ms: bigint;
  readonly verdict: StoredVerdict;
  readonly reason: string | null;
  readonly assurance: Assurance;
  readonly rule_set: string;
  readonly fingerprint: Uint8Array;
  readonly estimated: boolean;
  readonly registers: readonly string[];
  readonly energies: string;
}

/** One row a reading: its registers are parallel arrays, the energies as text because an array of int8 is read slower. */
const READINGS = `SELECT e.id, e.account_id, b.log_hash, e.meter_id, e.starts_ms, e.ends_ms, v.verdict, v.reason, v.assurance,
    v.rule_set, r.fingerprint, r.estimated, r.registers, r.energies
  FROM entry e JOIN entry_body b ON b.entry_id = e.id
  CROSS JOIN LATERAL (SELECT (array_agg(fingerprint))[1] AS fingerprint, bool_or(estimated) AS estimated,
      array_agg(register ORDER BY register) AS registers, string_agg(energy_uwh::text, ',' ORDER BY register) AS energies
    FROM reading WHERE entry_id = e.id) r
  CROSS JOIN LATERAL (SELECT verdict, reason, assurance, rule_set FROM verdict WHERE entry_id = e.id
    ORDER BY group_id DESC LIMIT 1) v
  WHERE e.id = ANY(${hiddenArray(1, 'uuid')}) AND r.registers IS NOT NULL`;

export class SqlFindings implements FindingStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
    private readonly durability: DurabilityClass,
  ) {}

  async readings(entryIds: readonly string[]): Promise<readonly CommittedReading[]> {
    const uuids = entryIds.flatMap((id) => uuidOf(id) ?? []);
    const rows = await this.sql.query<ReadingRow>(READINGS, [uuids], {
      prepare: 'wattproof_inspected_readings',
    });
    return rows.map(readingOf);
  }

  async history(windows: readonly RegisterWindow[]): Promise<readonly (readonly HistoryPoint[])[]> {
    if (windows.length === 0) return [];
    const known = new Map<string, string>();
    // The index of the exclusion constraint finds them: no other index has to be kept for it.
    const rows = await this.sql.query<{
      place: bigint;
      starts: string;
      ends: string;
      energies: string;
    }>(
      `SELECT k.place, string_agg(lower(i.span)::text, ',' ORDER BY i.span) AS starts,
         string_agg(e.ends_ms::text, ',' ORDER BY i.span) AS ends,
         string_agg(r.energy_uwh::text, ',' ORDER BY i.span) AS energies
       FROM unnest($1::uuid[], $2::text[], $3::int8[], $4::int8[])
         WITH ORDINALITY AS k (meter_register, register, from_ms, until_ms, place)
       JOIN reading_interval i ON i.meter_register = k.meter_register AND i.span && int8range(k.from_ms, k.until_ms)
       JOIN reading r ON r.entry_id = i.entry_id AND r.register = k.register AND NOT r.estimated
       JOIN entry e ON e.id = i.entry_id
       WHERE lower(i.span) >= k.from_ms
       GROUP BY k.place`,
      [
        windows.map(({ fingerprint, register }) => meterRegisterOf(fingerprint, register, known)),
        column(windows, ({ register }) => register),
        column(windows, ({ fromMs }) => fromMs),
        column(windows, ({ untilMs }) => untilMs),
      ],
      { prepare: 'wattproof_register_history' },
    );
    const byPlace = new Map(rows.map((row) => [Number(row.place) - 1, row]));
    return windows.map((_, place) => {
      const row = byPlace.get(place);
      if (row === undefined) return [];
      const [starts, ends] = [row.starts.split(','), row.ends.split(',')];
      return row.energies.split(',').map((energy, i) => ({
        startsMs: Number(starts[i]),
        endsMs: Number(ends[i]),
        energyUWh: BigInt(energy),
      }));
    });
  }

  keep(
    findings: readonly Finding[],
    flags: readonly Flag[],
    say: (fresh: readonly Finding[]) => Journaled,
  ): Promise<void> {
    return this.changes.run(async (tx, journal) => {
      const uuids = [...new Set([...findings, ...flags].map(({ entryId }) => hexOf(entryId)))];
      // Whoever judges the same entries at the same time waits here.
      const locked = await tx.query<{ id: string }>(
        'SELECT id FROM entry WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE',
        [uuids],
      );
      const rows = await tx.query<ReadingRow>(READINGS, [locked.map(({ id }) => id)]);
      const byId = new Map(rows.map((row) => [entryIdOf(row.id), row]));
      const fresh = await freshOf(
        tx,
        // What was erased meanwhile has no findings.
        findings.filter(({ entryId }) => byId.has(entryId)),
      );
      const said = say(fresh);
      await insertFindings(tx, fresh, said);
      await journal(said);
      const flagged = flags.flatMap((flag) => {
        const row = byId.get(flag.entryId);
        return row?.verdict === 'accepted' ? [candidateOf(row, flag)] : [];
      });
      await writeVerdicts(tx, flagged, said.issue, this.durability);
    });
  }

  async of(entryId: string): Promise<readonly StoredFinding[]> {
    const uuid = uuidOf(entryId);
    if (uuid === undefined) return [];
    const rows = await this.sql.query<{
      register: string;
      detector: string;
      code: string;
      action: Finding['action'];
      hash: Uint8Array;
      document: Uint8Array;
      stated_by: string;
    }>(
      `SELECT register, detector, code, action, hash, document, stated_by FROM finding
       WHERE entry_id = $1 ORDER BY register, detector`,
      [uuid],
    );
    return rows.map(({ hash, stated_by: statedBy, ...row }) => ({
      ...row,
      entryId,
      hash: Buffer.from(hash).toString('hex'),
      statedBy: entryIdOf(statedBy),
    }));
  }
}

function readingOf(row: ReadingRow): CommittedReading {
  const energies = row.energies.split(',');
  return {
    entryId: entryIdOf(row.id),
    accountId: row.account_id,
    logHash: row.log_hash,
    meterId: row.meter_id,
    fingerprint: row.fingerprint,
    startsMs: Number(row.starts_ms),
    endsMs: Number(row.ends_ms),
    energies: row.registers.map((register, i) => ({
      register,
      energyUWh: BigInt(energies[i] as string),
    })),
    estimated: row.estimated,
    verdict: row.verdict,
    ...(row.reason === null ? {} : { reason: row.reason }),
    assurance: row.assurance,
  };
}

async function freshOf(tx: Sql, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const known = await tx.query<{ entry_id: string; register: string; detector: string }>(
    'SELECT entry_id, register, detector FROM finding WHERE entry_id = ANY($1::uuid[])',
    [findings.map(({ entryId }) => hexOf(entryId))],
  );
  const keys = new Set(
    known.map(({ entry_id: id, register, detector }) =>
      JSON.stringify([entryIdOf(id), register, detector]),
    ),
  );
  return findings.filter(
    ({ entryId, register, detector }) => !keys.has(JSON.stringify([entryId, register, detector])),
  );
}

async function insertFindings(
  tx: Sql,
  fresh: readonly Finding[],
  { rows }: Journaled,
): Promise<void> {
  if (fresh.length === 0) return;
  await tx.query(
    `INSERT INTO finding (entry_id, register, detector, code, action, hash, document, stated_by)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::uuid[])`,
    [
      column(fresh, ({ entryId }) => hexOf(entryId)),
      column(fresh, ({ register }) => register),
      column(fresh, ({ detector }) => detector),
      column(fresh, ({ code }) => code),
      column(fresh, ({ action }) => action),
      column(fresh, ({ hash }) => Buffer.from(hash, 'hex')),
      column(fresh, ({ document }) => document),
      column(rows, ({ id }) => hexOf(id)),
    ],
  );
}

/** The entry as `writeVerdicts` wants it: known already, judged anew. */
function candidateOf(row: ReadingRow, { reason, ruleSet }: Flag): Candidate {
  const reading = readingOf(row);
  return {
    uuid: row.id.replaceAll('-', ''),
    known: true,
    place: 0,
    registers: row.registers,
    row: flaggedRow(reading, { reason, ruleSet }),
  };
}

/** Only what a verdict, its receipt and its event are made of; bytes, salt and places stay as they are stored. */
function flaggedRow(
  reading: CommittedReading,
  { reason, ruleSet }: Pick<Flag, 'reason' | 'ruleSet'>,
): IngestRow {
  const nothing = new Uint8Array(0);
  const { entryId, accountId, logHash, assurance, meterId, energies, estimated } = reading;
  const { fingerprint, startsMs, endsMs } = reading;
  return {
    id: entryId,
    accountId,
    source: 'external',
    type: 'reading',
    format: '',
    bytes: nothing,
    logHash,
    salt: nothing,
    profile: 'rfc9162',
    merkleLeaf: nothing,
    assurance,
    verdict: 'flagged',
    reason,
    ruleSet,
    receivedAtMs: 0,
    reading: {
      fingerprint,
      siteId: '',
      deviceId: '',
      meterId,
      startsMs,
      endsMs,
      energies,
      estimated,
      occupies: false,
    },
  };
}
