import type {
  ErasedEntry,
  ErasedReports,
  ErasureOutcome,
  ErasureStore,
  ReportsOfMeter,
} from '../../logs/erasure.store.js';
import type { Journaled } from '../../logs/journal.js';
import { toHex } from '../../verify/bytes.js';
import type { ForgottenReports } from '../committed-events.js';
import type { MemoryDeviceCommands } from './device-commands.js';
import type { MemoryDeviceDesk } from './device-desk.js';
import type { MemoryEnergy } from './energy-ledger.js';
import type { MemoryFindings } from './findings.js';
import type { EntryRecord, LogState } from './log-state.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryOutbox } from './outbox.js';

const NOTHING = new Uint8Array(0);

export class MemoryErasures implements ErasureStore {
  constructor(
    private readonly log: LogState,
    private readonly energy: MemoryEnergy,
    private readonly findings: MemoryFindings,
    private readonly outbox: MemoryOutbox,
    /** Deliveries and notices. */
    private readonly told: readonly {
      forget(entryIds: ReadonlySet<string>): void;
      forgetReports(forgotten: ForgottenReports): void;
    }[],
    private readonly desk: MemoryDeviceDesk,
    private readonly commands: MemoryDeviceCommands,
    private readonly changes: MemoryChanges,
  ) {}

  erase(
    entryIds: readonly string[],
    atMs: number,
    keyOf: (logHash: Uint8Array) => Uint8Array,
    say: (erased: readonly ErasedEntry[]) => Journaled,
  ): Promise<readonly ErasureOutcome[]> {
    return this.changes.run(async (journal) => {
      const doomed = new Map<string, EntryRecord>();
      const outcomes = entryIds.map((entryId): ErasureOutcome => {
        if (this.log.erased.has(entryId)) return { entryId, kind: 'already_erased' };
        const record = this.log.byId.get(entryId);
        if (record === undefined) return { entryId, kind: 'refused', code: 'entry_unknown' };
        if (record.row.source === 'system')
          return { entryId, kind: 'refused', code: 'entry_system' };
        const own = this.withDerived(record);
        if (own.some(({ row }) => row.salt.length === 0))
          return { entryId, kind: 'refused', code: 'entry_unsalted' };
        for (const one of own) doomed.set(one.row.id, one);
        return { entryId, kind: 'erased' };
      });
      const erased = [...doomed.values()].map((record) => erasedOf(record, atMs));
      if (erased.length > 0) await journal(say(erased));
      for (const one of erased) {
        const record = doomed.get(one.entryId)!;
        this.log.erased.set(one.entryId, one);
        // While it is still known whose reading it was, and of what time.
        this.findings.erase(one.entryId);
        this.energy.forget(one.entryId);
        this.log.erasedKeys.add(toHex(keyOf(record.row.logHash)));
        this.log.held.delete(one.entryId);
        this.log.byHash.delete(toHex(record.row.logHash));
        const { reading: _reading, signature: _signature, ...row } = record.row;
        record.row = { ...row, bytes: NOTHING, salt: NOTHING, logHash: NOTHING };
        record.judgements.splice(0, record.judgements.length - 1);
        this.outbox.scrub(one.entryId, (hash) => this.log.byHash.get(hash)?.row.id);
        for (const kept of this.told) kept.forget(new Set([one.entryId]));
      }
      return outcomes;
    });
  }

  async erased(entryId: string): Promise<ErasedEntry | undefined> {
    const erased = this.log.erased.get(entryId);
    if (erased === undefined) return undefined;
    return erasedOf(this.log.byId.get(entryId)!, erased.erasedAtMs);
  }

  eraseReports(
    of: ReportsOfMeter,
    nowMs: number,
    say: (erased: ErasedReports) => Journaled,
  ): Promise<ErasedReports> {
    return this.changes.run(async (journal) => {
      const { alertIds, ...counts } = this.desk.eraseReports(of);
      const commandIds = this.commands.eraseReports(of, nowMs);
      const erased = { alerts: alertIds.length, ...counts, commands: commandIds.length };
      const isAny = Object.values(erased).some((count) => count > 0);
      if (isAny) await journal(say(erased));
      const forgotten = { ...of, gone: new Set([...alertIds, ...commandIds]) };
      for (const kept of [this.outbox, ...this.told]) kept.forgetReports(forgotten);
      return erased;
    });
  }

  private withDerived(record: EntryRecord): readonly EntryRecord[] {
    const derived = this.log.entries.filter(({ row }) => row.derivedFrom?.includes(record.row.id));
    return [record, ...derived.flatMap((one) => this.withDerived(one))];
  }
}

function erasedOf({ row, batch }: EntryRecord, erasedAtMs: number): ErasedEntry {
  const { id: entryId, accountId } = row;
  const place = batch === undefined ? {} : { batch: { number: batch.number, index: batch.index } };
  return { entryId, accountId, erasedAtMs, ...place };
}
