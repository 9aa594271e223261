import type {
  CommittedReading,
  Finding,
  FindingStore,
  Flag,
  RegisterWindow,
  StoredFinding,
} from '../../detectors/finding.store.js';
import type { HistoryPoint } from '../../detectors/register-history.js';
import type { IngestRow, IssuedReceipts } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import { toHex } from '../../verify/bytes.js';
import { entryEvent } from '../committed-events.js';
import { type EntryRecord, type LogState, newest } from './log-state.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryOutbox } from './outbox.js';

/** No history is longer: 366 days. */
const LOOKED_BACK_MS = 366 * 86_400_000;

export class MemoryFindings implements FindingStore {
  /** By entry, then by register and detector. */
  private readonly findings = new Map<string, Map<string, StoredFinding>>();

  constructor(
    private readonly log: LogState,
    private readonly outbox: MemoryOutbox,
    private readonly changes: MemoryChanges,
  ) {}

  async readings(entryIds: readonly string[]): Promise<readonly CommittedReading[]> {
    return [...new Set(entryIds)].flatMap((id) => {
      const record = this.log.byId.get(id);
      return record?.row.reading === undefined ? [] : [readingOf(record, record.row.reading)];
    });
  }

  async history(windows: readonly RegisterWindow[]): Promise<readonly (readonly HistoryPoint[])[]> {
    return windows.map(({ fingerprint, register, fromMs, untilMs }) => {
      const occupied = this.log.occupied.get(`${toHex(fingerprint)}/${register}`);
      return (occupied?.between(fromMs, untilMs) ?? []).flatMap(({ entryId, startsMs }) => {
        const reading = this.log.byId.get(entryId)?.row.reading;
        const measured = reading?.energies.find((energy) => energy.register === register);
        if (reading === undefined || measured === undefined) return [];
        if (reading.estimated || startsMs < fromMs) return [];
        return [{ startsMs, endsMs: reading.endsMs, energyUWh: measured.energyUWh }];
      });
    });
  }

  keep(
    findings: readonly Finding[],
    flags: readonly Flag[],
    say: (fresh: readonly Finding[]) => Journaled,
  ): Promise<void> {
    return this.changes.run(async (journal) => {
      const fresh = findings.filter(
        ({ entryId, register, detector }) =>
          this.log.byId.get(entryId)?.row.reading !== undefined &&
          this.findings.get(entryId)?.has(JSON.stringify([register, detector])) !== true,
      );
      const said = say(fresh);
      const flagged = flags.flatMap((flag) => {
        const record = this.log.byId.get(flag.entryId);
        return record !== undefined && newest(record).verdict === 'accepted'
          ? [{ row: flaggedRow(record, flag), entryId: flag.entryId }]
          : [];
      });
      // Before anything changes: the receipts may not come to be.
      const issued = flagged.length === 0 ? undefined : await said.issue(flagged);
      await journal(said);
      for (const [place, finding] of fresh.entries()) {
        const own = this.findings.get(finding.entryId) ?? new Map<string, StoredFinding>();
        this.findings.set(finding.entryId, own);
        const { register, detector } = finding;
        const statedBy = said.rows[place]?.id ?? '';
        own.set(JSON.stringify([register, detector]), { ...finding, statedBy });
      }
      if (issued !== undefined) this.append(flagged, issued);
    });
  }

  async of(entryId: string): Promise<readonly StoredFinding[]> {
    const own = [...(this.findings.get(entryId) ?? [])];
    return own.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding);
  }

  /** A verdict with its receipt and its event, beside those that were given before. */
  private append(
    flagged: readonly { readonly row: IngestRow; readonly entryId: string }[],
    issued: IssuedReceipts,
  ): void {
    const { committedAtMs, includeByMs, keyId, signature, leaves } = issued;
    for (const [index, { row, entryId }] of flagged.entries()) {
      const { logHash, verdict, reason = '', ruleSet, assurance } = row;
      const record = this.log.byId.get(entryId) as EntryRecord;
      const proven = newest(record).signature;
      record.judgements.push({
        verdict,
        reason,
        assurance,
        ...(proven === undefined ? {} : { signature: proven }),
        receipt: {
          entryId,
          logHash,
          verdict,
          reason,
          ruleSet,
          committedAtMs,
          includeByMs,
          durability: 'memory',
          keyId,
          signature,
          index,
          leaves,
        },
      });
      this.outbox.append(entryEvent(row, entryId, committedAtMs));
    }
  }

  /** With a reading goes what was found in it, and in later ones of its meter: their findings may tell of it. */
  erase(entryId: string): void {
    const erased = this.log.byId.get(entryId)?.row.reading;
    for (const id of this.findings.keys()) {
      const reading = this.log.byId.get(id)?.row.reading;
      const later = (reading?.startsMs ?? 0) - (erased?.startsMs ?? 0);
      const tells = reading?.meterId === erased?.meterId && later >= 0 && later <= LOOKED_BACK_MS;
      if (id === entryId || (erased !== undefined && tells)) this.findings.delete(id);
    }
  }
}

function readingOf(
  record: EntryRecord,
  reading: NonNullable<IngestRow['reading']>,
): CommittedReading {
  const { verdict, reason, assurance } = newest(record);
  const { id: entryId, accountId, logHash } = record.row;
  const { meterId, fingerprint, startsMs, endsMs, energies, estimated } = reading;
  return {
    entryId,
    accountId,
    logHash,
    meterId,
    fingerprint,
    startsMs,
    endsMs,
    energies,
    estimated,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    assurance,
  };
}

function flaggedRow(record: EntryRecord, { reason, ruleSet }: Flag): IngestRow {
  return {
    ...record.row,
    assurance: newest(record).assurance,
    verdict: 'flagged',
    reason,
    ruleSet,
  };
}
