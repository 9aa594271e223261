import type { CommittedRow, IngestRow } from '../../ingestion/ingest.store.js';
import type { SayEquivocations } from '../../ingestion/equivocation.js';
import type { DurabilityClass } from '../../spi/index.js';
import { entryIdOf, hexOf } from './entry-id.js';
import { keepEnvelopes } from './entry-envelopes.js';
import { type ErasedKeyOf, insertBodies, judgeKnown, refuseErased } from './ingest-bodies.js';
import { type Candidate, saysNothingNew, sortGroup, written } from './ingest-candidate.js';
import { keepHeld } from './held-entries.js';
import { type InsertedIds, insertedIds } from './inserted-ids.js';
import { forgetContested, holdContested } from './ingest-contested.js';
import { occupyIntervals } from './ingest-intervals.js';
import { refuseRevoked } from './ingest-keys.js';
import { type Issue, writeVerdicts } from './ingest-verdicts.js';
import { holdLate } from './late-sequences.js';
import { suspendMinting } from './minting-suspension.js';
import { appendEvents } from './outbox-rows.js';
import { newestReceipts } from './receipts.js';
import type { Sql } from './sql.js';
import { column } from './sql-column.js';

/**
 * One group in one READ COMMITTED transaction. Tables are touched in one order by every writer: bodies, entries,
 * readings, sequences, contests, intervals, verdicts; rows within each in the candidates' order.
 */
export async function commitGroup(
  tx: Sql,
  rows: readonly IngestRow[],
  issue: Issue,
  durability: DurabilityClass,
  erasedKeyOf?: ErasedKeyOf,
  sayEquivocations?: SayEquivocations,
): Promise<readonly CommittedRow[]> {
  const { candidates, twins, refused } = sortGroup(rows, await refuseRevoked(tx, rows));
  const lookedForErased = await insertBodies(tx, candidates, erasedKeyOf);
  await judgeKnown(tx, candidates);
  const erasures = await insertEntries(tx, candidates.filter(isFresh));
  // The bodies may have waited for the very first erasure, which their own statement did not see.
  if (erasures && !lookedForErased && erasedKeyOf !== undefined)
    await refuseErased(tx, candidates.filter(isFresh), erasedKeyOf);
  await insertDerivations(tx, candidates.filter(isFresh));
  await holdLate(tx, candidates.filter(isOpen));
  await takeSequences(tx, candidates.filter(isOpen));
  await holdContested(tx, candidates.filter(isOpen));
  for (const candidate of candidates)
    if (
      isOpen(candidate) &&
      candidate.before !== undefined &&
      saysNothingNew(candidate.row, candidate.before)
    )
      candidate.answer = { kind: 'duplicate', id: entryIdOf(candidate.uuid) };
  await occupyIntervals(tx, candidates.filter(isOpen));
  await eraseRefused(tx, candidates);

  const kept = candidates.filter(isOpen).toSorted((a, b) => a.place - b.place);
  const receipts = await writeVerdicts(tx, kept, issue, durability);
  await keepEnvelopes(tx, kept);
  await keepHeld(tx, kept);
  const suspended = await suspendMinting(tx, kept, sayEquivocations);
  if (suspended !== undefined) {
    await commitGroup(tx, suspended.rows, suspended.issue, durability);
    await appendEvents(tx, suspended.events ?? []);
  }
  const duplicates = candidates.filter(({ answer }) => answer?.kind === 'duplicate');
  if (duplicates.length > 0)
    for (const [id, receipt] of await newestReceipts(
      tx,
      duplicates.map(({ uuid }) => uuid),
    ))
      receipts.set(id, receipt);

  const answers = new Map(candidates.map((candidate) => [candidate.place, candidate]));
  return rows.map((_, place): CommittedRow => {
    const twin = twins.get(place);
    const candidate = twin ?? answers.get(place);
    if (candidate === undefined) {
      const outcome = refused.get(place);
      if (outcome === undefined) throw new Error(`row ${place} of the group was lost`);
      return { outcome };
    }
    const id = entryIdOf(candidate.uuid);
    const outcome = candidate.answer ?? written(candidate);
    if (outcome.kind === 'refused') return { outcome };
    const receipt = receipts.get(id);
    return {
      outcome: twin === undefined ? outcome : { kind: 'duplicate', id },
      ...(receipt === undefined ? {} : { receipt }),
    };
  });
}

const isOpen = (candidate: Candidate): boolean => candidate.answer === undefined;
const isFresh = (candidate: Candidate): boolean => isOpen(candidate) && !candidate.known;

/** Whether anything was ever erased. */
async function insertEntries(tx: Sql, sorted: readonly Candidate[]): Promise<boolean> {
  if (sorted.length === 0) return false;
  const fresh = sorted.toSorted((a, b) => a.place - b.place);
  const readings = fresh.flatMap(({ uuid, row }) => {
    const { reading } = row;
    if (reading === undefined) return [];
    const energies = new Map(reading.energies.map((energy) => [energy.register, energy]));
    return [...energies.values()].map((energy) => ({ uuid, reading, energy }));
  });
  const [asked] = await tx.query<{ erasures: boolean }>(
    `WITH entries AS (
       INSERT INTO entry (id, account_id, source, type, format, assurance, received_at_ms, meter_id, starts_ms, ends_ms)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[],
         $8::text[], $9::int8[], $10::int8[])),
     readings AS (
       INSERT INTO reading (entry_id, register, fingerprint, site_id, device_id, energy_uwh, estimated)
       SELECT * FROM unnest($11::uuid[], $12::text[], $13::bytea[], $14::text[], $15::text[], $16::int8[], $17::bool[]))
     SELECT EXISTS (SELECT FROM erased_entry) AS erasures`,
    [
      column(fresh, ({ uuid }) => uuid),
      column(fresh, ({ row }) => row.accountId),
      column(fresh, ({ row }) => row.source),
      column(fresh, ({ row }) => row.type),
      column(fresh, ({ row }) => row.format),
      column(fresh, ({ row }) => row.assurance),
      column(fresh, ({ row }) => row.receivedAtMs),
      column(fresh, ({ row }) => row.reading?.meterId ?? null),
      column(fresh, ({ row }) => row.reading?.startsMs ?? null),
      column(fresh, ({ row }) => row.reading?.endsMs ?? null),
      column(readings, ({ uuid }) => uuid),
      column(readings, ({ energy }) => energy.register),
      column(readings, ({ reading }) => reading.fingerprint),
      column(readings, ({ reading }) => reading.siteId),
      column(readings, ({ reading }) => reading.deviceId),
      column(readings, ({ energy }) => energy.energyUWh),
      column(readings, ({ reading }) => reading.estimated),
    ],
    { prepare: 'wattproof_insert_entries' },
  );
  return asked?.erasures === true;
}

/** Which entries they say something of: erasing those erases these. */
async function insertDerivations(tx: Sql, fresh: readonly Candidate[]): Promise<void> {
  const derived = fresh.flatMap(({ uuid, row }) =>
    (row.derivedFrom ?? []).map((source) => ({ uuid, source: hexOf(source) })),
  );
  if (derived.length === 0) return;
  await tx.query(
    `INSERT INTO entry_derivation (entry_id, source_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])
     ON CONFLICT DO NOTHING`,
    [column(derived, ({ uuid }) => uuid), column(derived, ({ source }) => source)],
  );
}

/** Another entry under the same (device, epoch, number): the device said two things; the later is quarantined as evidence. */
async function takeSequences(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const numbered = candidates
    .flatMap((candidate) => {
      const sequence = candidate.row.reading?.sequence;
      return sequence === undefined ? [] : [{ candidate, sequence }];
    })
    .toSorted(
      (a, b) =>
        compare(a.sequence.device, b.sequence.device) ||
        a.sequence.epoch - b.sequence.epoch ||
        compare(a.sequence.number, b.sequence.number) ||
        a.candidate.place - b.candidate.place,
    );
  if (numbered.length === 0) return;
  const keys = [
    column(numbered, ({ sequence }) => sequence.device),
    column(numbered, ({ sequence }) => sequence.epoch),
    column(numbered, ({ sequence }) => sequence.number),
  ];
  const uuids = column(numbered, ({ candidate }) => candidate.uuid);
  const [taken] = await tx.query<InsertedIds>(
    `WITH inserted AS (INSERT INTO reading_sequence (device, epoch, number, entry_id)
     SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::uuid[])
     ON CONFLICT DO NOTHING RETURNING entry_id)
     ${insertedIds(5)}`,
    [...keys, uuids, numbered.length],
    { prepare: 'wattproof_take_sequences' },
  );
  if (taken?.ids === null) return;
  const lost = await tx.query<{ asked: string; entry_id: string }>(
    `SELECT k.asked, s.entry_id FROM unnest($1::text[], $2::int8[], $3::int8[], $4::uuid[]) AS k (device, epoch, number, asked)
     JOIN reading_sequence s USING (device, epoch, number) WHERE s.entry_id <> k.asked`,
    [...keys, uuids],
  );
  const rivals = new Map(
    lost.map((one) => [one.asked.replaceAll('-', ''), one.entry_id.replaceAll('-', '')]),
  );
  for (const { candidate } of numbered) {
    const rival = rivals.get(candidate.uuid);
    if (rival === undefined) continue;
    candidate.rival = rival;
    candidate.row = {
      ...candidate.row,
      verdict: 'quarantined',
      reason: 'sequence_equivocation',
    };
  }
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nothing of a refused row stays; of a refused upgrade the entry stays as it was. */
async function eraseRefused(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const refused = candidates.filter(({ answer }) => answer?.kind === 'refused');
  if (refused.length === 0) return;
  await forgetContested(tx, refused);
  const gone = refused.filter(({ known }) => !known);
  if (gone.length === 0) return;
  const uuids = [column(gone, ({ uuid }) => uuid)];
  await tx.query(
    `WITH bodies AS (DELETE FROM entry_body WHERE entry_id = ANY($1::uuid[])),
       readings AS (DELETE FROM reading WHERE entry_id = ANY($1::uuid[]))
     DELETE FROM entry WHERE id = ANY($1::uuid[])`,
    uuids,
  );
  const sequences = gone.flatMap(({ row, uuid }) => {
    const sequence = row.reading?.sequence;
    return sequence === undefined ? [] : [{ ...sequence, uuid }];
  });
  if (sequences.length === 0) return;
  await tx.query(
    `DELETE FROM reading_sequence s USING unnest($1::text[], $2::int8[], $3::int8[], $4::uuid[]) AS k (device, epoch, number, entry_id)
     WHERE (s.device, s.epoch, s.number, s.entry_id) = (k.device, k.epoch, k.number, k.entry_id)`,
    [
      column(sequences, ({ device }) => device),
      column(sequences, ({ epoch }) => epoch),
      column(sequences, ({ number }) => number),
      column(sequences, ({ uuid }) => uuid),
    ],
  );
}
