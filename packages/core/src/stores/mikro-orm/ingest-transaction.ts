import type {
  CommittedRow,
  IngestRow,
  IssuedReceipts,
  StoredReceipt,
} from '../../ingestion/ingest.store.js';
import type { Assurance, StoredVerdict } from '../../logs/verdict.js';
import type { DurabilityClass } from '../../spi/index.js';
import { entryEvent } from '../committed-events.js';
import { entryIdOf } from './entry-id.js';
import { joinHashes } from './hash-list.js';
import { type Candidate, sortGroup, stronger, written } from './ingest-candidate.js';
import { occupyIntervals } from './ingest-intervals.js';
import { newestReceipts } from './receipts.js';
import type { Sql, SqlValue } from './sql.js';

export type Issue = (
  rows: readonly { readonly row: IngestRow; readonly entryId: string }[],
) => Promise<IssuedReceipts> | IssuedReceipts;

/**
 * One group in one READ COMMITTED transaction. Tables are touched in one order by every writer: bodies, entries,
 * readings, sequences, intervals, verdicts; rows within each in the candidates' order.
 */
export async function commitGroup(
  tx: Sql,
  rows: readonly IngestRow[],
  issue: Issue,
  durability: DurabilityClass,
): Promise<readonly CommittedRow[]> {
  const { candidates, twins, refused } = sortGroup(rows);
  await insertBodies(tx, candidates);
  await judgeKnown(tx, candidates);
  await insertEntries(tx, candidates.filter(isFresh));
  await takeSequences(tx, candidates.filter(isOpen));
  await occupyIntervals(tx, candidates.filter(isOpen));
  await eraseRefused(tx, candidates);

  const kept = candidates.filter(isOpen).toSorted((a, b) => a.place - b.place);
  const receipts = await writeVerdicts(tx, kept, issue, durability);
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

function column<T, V>(items: readonly T[], value: (item: T) => V): V[] {
  return items.map(value);
}

/** The unique hash decides which of several writers owns new bytes; the others wait here for its commit. */
async function insertBodies(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  if (candidates.length === 0) return;
  const signature = <V extends SqlValue>(
    value: (signature: NonNullable<IngestRow['signature']>) => V,
  ) => column(candidates, ({ row }) => (row.signature === undefined ? null : value(row.signature)));
  const inserted = await tx.query<{ entry_id: string }>(
    `INSERT INTO entry_body (entry_id, bytes, salt, log_hash, signature_alg, signature_key_id, signature_public_key,
       signature_value, signature_nonce, signature_index, signature_count, signature_path)
     SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::bytea[],
       $8::bytea[], $9::bytea[], $10::int4[], $11::int4[], $12::bytea[])
     ON CONFLICT DO NOTHING RETURNING entry_id`,
    [
      column(candidates, ({ uuid }) => uuid),
      column(candidates, ({ row }) => row.bytes),
      column(candidates, ({ row }) => row.salt),
      column(candidates, ({ row }) => row.logHash),
      signature(({ alg }) => alg),
      signature(({ keyId }) => keyId),
      signature(({ publicKey }) => publicKey),
      signature(({ value }) => value),
      signature(({ batch }) => batch?.nonce ?? null),
      signature(({ batch }) => batch?.index ?? null),
      signature(({ batch }) => batch?.count ?? null),
      signature(({ batch }) => (batch === undefined ? null : joinHashes(batch.path))),
    ],
    { prepare: 'wattproof_insert_bodies' },
  );
  if (inserted.length === candidates.length) return;
  const own = new Set(inserted.map(({ entry_id }) => entry_id.replaceAll('-', '')));
  for (const candidate of candidates) candidate.known = !own.has(candidate.uuid);
}

interface KnownRow {
  readonly hash: string;
  readonly entry_id: string;
  readonly verdict: StoredVerdict;
  readonly assurance: Assurance;
}

/** Bytes that already have an entry: a duplicate, or judged again. */
async function judgeKnown(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const known = candidates.filter((candidate) => candidate.known);
  if (known.length === 0) return;
  const again = await settleDuplicates(tx, known);
  if (again.length === 0) return;
  // Whoever upgrades the same entry at the same time waits here and then sees the other's verdict.
  await tx.query(`SELECT id FROM entry WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`, [
    column(again, ({ uuid }) => uuid),
  ]);
  await settleDuplicates(tx, again);
}

async function settleDuplicates(tx: Sql, known: readonly Candidate[]): Promise<Candidate[]> {
  const stored = await tx.query<KnownRow>(
    `SELECT DISTINCT ON (b.entry_id) encode(b.log_hash, 'hex') AS hash, b.entry_id, v.verdict, v.assurance
     FROM entry_body b JOIN verdict v ON v.entry_id = b.entry_id
     WHERE b.log_id = 1 AND b.log_hash = ANY($1::bytea[]) ORDER BY b.entry_id, v.group_id DESC`,
    [column(known, ({ row }) => row.logHash)],
  );
  const byHash = new Map(stored.map((row) => [row.hash, row]));
  const again: Candidate[] = [];
  for (const candidate of known) {
    const before = byHash.get(Buffer.from(candidate.row.logHash).toString('hex'));
    if (before === undefined) {
      const detail = `entry id ${candidate.row.id} is in use`;
      candidate.answer = { kind: 'refused', code: 'not_storable', detail };
      continue;
    }
    candidate.uuid = before.entry_id.replaceAll('-', '');
    if (stronger(candidate.row, before)) again.push(candidate);
    else candidate.answer = { kind: 'duplicate', id: entryIdOf(candidate.uuid) };
  }
  return again;
}

async function insertEntries(tx: Sql, sorted: readonly Candidate[]): Promise<void> {
  if (sorted.length === 0) return;
  const fresh = sorted.toSorted((a, b) => a.place - b.place);
  const readings = fresh.flatMap(({ uuid, row }) => {
    const { reading } = row;
    if (reading === undefined) return [];
    const energies = new Map(reading.energies.map((energy) => [energy.register, energy]));
    return [...energies.values()].map((energy) => ({ uuid, reading, energy }));
  });
  await tx.query(
    `WITH entries AS (
       INSERT INTO entry (id, account_id, source, type, format, assurance, received_at_ms, meter_id, starts_ms, ends_ms)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[],
         $8::text[], $9::int8[], $10::int8[]))
     INSERT INTO reading (entry_id, register, fingerprint, site_id, device_id, energy_uwh, estimated)
     SELECT * FROM unnest($11::uuid[], $12::text[], $13::bytea[], $14::text[], $15::text[], $16::int8[], $17::bool[])`,
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
  const taken = await tx.query<{ entry_id: string }>(
    `INSERT INTO reading_sequence (device, epoch, number, entry_id)
     SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::uuid[])
     ON CONFLICT DO NOTHING RETURNING entry_id`,
    [...keys, uuids],
    { prepare: 'wattproof_take_sequences' },
  );
  if (taken.length === numbered.length) return;
  const lost = await tx.query<{ asked: string }>(
    `SELECT k.asked FROM unnest($1::text[], $2::int8[], $3::int8[], $4::uuid[]) AS k (device, epoch, number, asked)
     JOIN reading_sequence s USING (device, epoch, number) WHERE s.entry_id <> k.asked`,
    [...keys, uuids],
  );
  const equivocations = new Set(lost.map(({ asked }) => asked.replaceAll('-', '')));
  for (const { candidate } of numbered)
    if (equivocations.has(candidate.uuid))
      candidate.row = {
        ...candidate.row,
        verdict: 'quarantined',
        reason: 'sequence_equivocation',
      };
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nothing of a refused row stays; of a refused upgrade the entry stays as it was. */
async function eraseRefused(tx: Sql, candidates: readonly Candidate[]): Promise<void> {
  const gone = candidates.filter(({ answer, known }) => answer?.kind === 'refused' && !known);
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

/** Receipts, verdicts, events and the sealer's queue: everything that is only true of rows that stay. */
async function writeVerdicts(
  tx: Sql,
  kept: readonly Candidate[],
  issue: Issue,
  durability: DurabilityClass,
): Promise<Map<string, StoredReceipt>> {
  const receipts = new Map<string, StoredReceipt>();
  if (kept.length === 0) return receipts;
  const issued = await issue(kept.map(({ row, uuid }) => ({ row, entryId: entryIdOf(uuid) })));
  if (issued.leaves.length !== kept.length)
    throw new Error(
      `a group of ${kept.length} entries got ${issued.leaves.length} receipt leaves. Issue one leaf per row.`,
    );
  const events = kept.map(({ row, uuid }) =>
    entryEvent(row, entryIdOf(uuid), issued.committedAtMs),
  );
  const fresh = kept.filter(isFresh);
  await tx.query(
    `WITH receipts AS (
       INSERT INTO receipt_group (leaves, root, signature, key_id, committed_at_ms, include_by_ms, durability)
       VALUES ($1, $2, $3, $4, $5::int8, $6, $7) RETURNING id),
     verdicts AS (
       INSERT INTO verdict (entry_id, group_id, receipt_index, verdict, reason, assurance, rule_set)
       SELECT k.entry_id, receipts.id, k.place - 1, k.verdict, k.reason, k.assurance, k.rule_set
       FROM receipts, unnest($8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[])
         WITH ORDINALITY AS k (entry_id, verdict, reason, assurance, rule_set, place)),
     events AS (
       INSERT INTO outbox (type, data, at_ms)
       SELECT k.type, k.data::jsonb, $5::int8 FROM unnest($13::text[], $14::text[]) WITH ORDINALITY AS k (type, data, place)
       ORDER BY k.place)
     INSERT INTO log_unsealed (entry_id, source, profile, leaf, received_at_ms)
     SELECT k.entry_id, k.source, k.profile, k.leaf, k.received_at_ms
     FROM unnest($15::uuid[], $16::text[], $17::text[], $18::bytea[], $19::int8[])
       WITH ORDINALITY AS k (entry_id, source, profile, leaf, received_at_ms, place) ORDER BY k.place`,
    [
      joinHashes(issued.leaves),
      issued.root,
      issued.signature,
      issued.keyId,
      issued.committedAtMs,
      issued.includeByMs,
      durability,
      column(kept, ({ uuid }) => uuid),
      column(kept, ({ row }) => row.verdict),
      column(kept, ({ row }) => row.reason ?? null),
      column(kept, ({ row }) => row.assurance),
      column(kept, ({ row }) => row.ruleSet),
      column(events, ({ type }) => type),
      column(events, ({ data }) => JSON.stringify(data)),
      column(fresh, ({ uuid }) => uuid),
      column(fresh, ({ row }) => row.source),
      column(fresh, ({ row }) => row.profile),
      column(fresh, ({ row }) => row.merkleLeaf),
      column(fresh, ({ row }) => row.receivedAtMs),
    ],
    { prepare: 'wattproof_write_verdicts' },
  );
  for (const candidate of kept) await keepSignature(tx, candidate);
  kept.forEach(({ row, uuid }, index) => {
    const entryId = entryIdOf(uuid);
    receipts.set(entryId, {
      entryId,
      logHash: row.logHash,
      verdict: row.verdict,
      ...(row.reason === undefined ? {} : { reason: row.reason }),
      ruleSet: row.ruleSet,
      committedAtMs: issued.committedAtMs,
      includeByMs: issued.includeByMs,
      durability,
      keyId: issued.keyId,
      signature: issued.signature,
      index,
      leaves: issued.leaves,
    });
  });
  return receipts;
}

/** An upgrade may be the first to bring a signature; the proof then carries it. */
async function keepSignature(tx: Sql, { row, uuid, known }: Candidate): Promise<void> {
  const { signature } = row;
  if (!known || signature === undefined) return;
  const { batch } = signature;
  await tx.query(
    `UPDATE entry_body SET signature_alg = $2, signature_key_id = $3, signature_public_key = $4, signature_value = $5,
       signature_nonce = $6, signature_index = $7, signature_count = $8, signature_path = $9 WHERE entry_id = $1`,
    [
      uuid,
      signature.alg,
      signature.keyId,
      signature.publicKey,
      signature.value,
      batch?.nonce ?? null,
      batch?.index ?? null,
      batch?.count ?? null,
      batch === undefined ? null : joinHashes(batch.path),
    ],
  );
}
