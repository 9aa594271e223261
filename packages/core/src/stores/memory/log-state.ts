import type { EntrySignature, IngestRow, StoredReceipt } from '../../ingestion/ingest.store.js';
import type { ErasedEntry } from '../../logs/erasure.store.js';
import type { MintingSuspension, StoredMeter } from '../../devices/meter.store.js';
import type { StoredEntry } from '../../logs/entry.store.js';
import type { Assurance, StoredVerdict } from '../../logs/verdict.js';
import type { QuarantineItem } from '../../quarantine/quarantine.store.js';
import { toHex } from '../../verify/bytes.js';
import { Contests } from './contests.js';
import { OccupiedIntervals } from './occupied-intervals.js';

/** One appended judgement of an entry; the last one counts. */
export interface Judgement {
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  readonly inputs?: string;
  readonly assurance: Assurance;
  readonly signature?: EntrySignature;
  readonly receipt: StoredReceipt;
}

/** An entry with everything appended to it since. */
export interface EntryRecord {
  row: IngestRow;
  readonly judgements: Judgement[];
  batch?: { readonly number: number; readonly id: string; readonly index: number };
}

/** What ingestion must know of meters, and do to them. */
export interface SuspendableMeters {
  peek(meterId: string): StoredMeter | undefined;
  suspendMinting(meterId: string, why: MintingSuspension): void;
}

/** Everything ingestion writes; sealing reads the queue and sets positions. */
export class LogState {
  /** Set by the store's meters when they open. */
  meters: SuspendableMeters = { peek: () => undefined, suspendMinting: () => undefined };
  /** In the order of commit. */
  readonly entries: EntryRecord[] = [];
  readonly byId = new Map<string, EntryRecord>();
  /** By hex logHash: the same bytes are one entry. */
  readonly byHash = new Map<string, EntryRecord>();
  /** By hex fingerprint and register. */
  readonly occupied = new Map<string, OccupiedIntervals>();
  /** Readings that were ever held, by id of their entry, and what became of them. */
  readonly held = new Map<string, QuarantineItem>();
  /** Of meters without a registered owner. */
  readonly contests = new Contests();
  /** By device, epoch and number: hex logHash of the first entry that used it. */
  readonly sequences = new Map<string, string>();
  /** By device and epoch: the highest number seen. */
  readonly highestSequences = new Map<string, bigint>();
  /** What was erased, by id, and the keyed hashes of its bytes. */
  readonly erased = new Map<string, ErasedEntry>();
  readonly erasedKeys = new Set<string>();
  /** Revoked keys, by `speakerOf`. */
  readonly revokedSpeakers = new Set<string>();
  /** Ids waiting to be sealed, oldest first. */
  readonly unsealed = new Set<string>();

  /** `key`: device, epoch and number, as JSON. */
  takeSequence(key: string, hash: string): void {
    this.sequences.set(key, hash);
    const [device, epoch, number] = JSON.parse(key) as [string, number, string];
    const name = `${device} ${epoch}`;
    const before = this.highestSequences.get(name);
    if (before === undefined || BigInt(number) > before)
      this.highestSequences.set(name, BigInt(number));
  }
}

/** The registers of its meter that a row measures, each by hex fingerprint and name. */
export function registersOf(row: IngestRow | undefined): ReadonlySet<string> {
  const reading = row?.reading;
  if (reading === undefined) return new Set();
  const fingerprint = toHex(reading.fingerprint);
  return new Set(reading.energies.map(({ register }) => `${fingerprint}/${register}`));
}

/** A key of one meter. */
export function speakerOf(meterId: string, publicKey: Uint8Array): string {
  return `${toHex(publicKey)} ${meterId}`;
}

export function newest(record: EntryRecord): Judgement {
  const last = record.judgements.at(-1);
  if (last === undefined) throw new Error(`entry ${record.row.id} has no judgement`);
  return last;
}

export function asStoredEntry(record: EntryRecord): StoredEntry {
  const { row } = record;
  const { verdict, reason, assurance, signature } = newest(record);
  return {
    id: row.id,
    accountId: row.accountId,
    source: row.source,
    type: row.type,
    format: row.format,
    bytes: row.bytes,
    logHash: row.logHash,
    salt: row.salt,
    assurance,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    receivedAtMs: row.receivedAtMs,
    ...(signature === undefined ? {} : { signature }),
    ...(row.reading === undefined
      ? {}
      : {
          meterId: row.reading.meterId,
          startsMs: row.reading.startsMs,
          endsMs: row.reading.endsMs,
        }),
    ...(record.batch === undefined ? {} : { batch: record.batch }),
  };
}
