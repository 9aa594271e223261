import type {
  CommittedRow,
  IngestRow,
  IngestStore,
  StoredReceipt,
} from '../../ingestion/ingest.store.js';
import type { Equivocation, SayEquivocations } from '../../ingestion/equivocation.js';
import { contestOf } from '../../ingestion/cross-owner-rule.js';
import type { IssuedReceipts } from '../../ingestion/ingest.store.js';
import { contestedEvents, entryEvent } from '../committed-events.js';
import { IngestGroup } from './ingest-group.js';
import { toHex } from '../../verify/bytes.js';
import { type EntryRecord, type LogState, newest, registersOf } from './log-state.js';
import { OccupiedIntervals } from './occupied-intervals.js';
import type { MemoryOutbox } from './outbox.js';
import type { Transactions } from './transactions.js';

type Issue = Parameters<IngestStore['commit']>[1];

/** Decides a whole group first, has its receipts issued, and only then writes: a failure leaves nothing. */
export class MemoryIngest implements IngestStore {
  constructor(
    private readonly log: LogState,
    private readonly outbox: MemoryOutbox,
    private readonly transactions: Transactions,
  ) {}

  commit(
    rows: readonly IngestRow[],
    issue: Issue,
    erasedKeyOf?: (logHash: Uint8Array) => Uint8Array,
    sayEquivocations?: SayEquivocations,
  ): Promise<readonly CommittedRow[]> {
    return this.transactions.run(() => this.append(rows, issue, erasedKeyOf, sayEquivocations));
  }

  /** The same, for those who are inside a transaction already. Nothing is written when it rejects. */
  async append(
    rows: readonly IngestRow[],
    issue: Issue,
    erasedKeyOf?: (logHash: Uint8Array) => Uint8Array,
    sayEquivocations?: SayEquivocations,
  ): Promise<readonly CommittedRow[]> {
    const group = new IngestGroup(this.log, erasedKeyOf);
    for (const row of rows) group.decide(row);
    let receipts: readonly StoredReceipt[] = [];
    if (group.written.length > 0) {
      const issued = await issue(group.written);
      if (issued.leaves.length !== group.written.length)
        throw new Error(
          `a group of ${group.written.length} entries got ${issued.leaves.length} receipt leaves. Issue one leaf per row.`,
        );
      const suspended = this.equivocations(group);
      if (suspended.length > 0 && sayEquivocations !== undefined) {
        const { rows: said, issue: own, events = [] } = sayEquivocations(suspended);
        await this.append(said, own);
        for (const event of events) this.outbox.append(event);
      }
      receipts = this.write(group, issued);
      for (const { meter, entryId, atMs } of suspended)
        this.log.meters.suspendMinting(meter.meterId, {
          reason: 'sequence_equivocation',
          entryId,
          atMs,
        });
    }
    return group.outcomes.map((outcome, place) => {
      if (outcome.kind === 'refused') return { outcome };
      const own = receipts[group.answeredBy[place] ?? -1];
      if (own !== undefined) return { outcome, receipt: own };
      const record = this.log.byId.get(outcome.id);
      return record === undefined ? { outcome } : { outcome, receipt: newest(record).receipt };
    });
  }

  /**
   * A new verdict of an entry that stands already, for those who are inside a transaction. Nothing changes when its place
   * is taken, or when `said` rejects.
   */
  async judgeAgain(
    row: IngestRow,
    entryId: string,
    issue: Issue,
    said: () => Promise<void>,
  ): Promise<ReturnType<IngestGroup['review']>> {
    const group = new IngestGroup(this.log);
    const refused = group.review(row, entryId);
    if (refused !== undefined) return refused;
    const issued = await issue(group.written);
    await said();
    this.write(group, issued);
    const contest = contestOf(row);
    if (contest !== undefined) this.log.contests.replace(contest, entryId);
    return undefined;
  }

  /** Meters whose device said two things under one number, each once, unless that is known of it already. */
  private equivocations(group: IngestGroup): readonly Equivocation[] {
    const found = new Map<string, Equivocation>();
    for (const { row, entryId, rival } of group.written) {
      if (rival === undefined) continue;
      const before = this.log.byId.get(rival)?.row ?? group.rowOf(rival);
      for (const meterId of [row.reading!.meterId, before?.reading?.meterId ?? '']) {
        const meter = this.log.meters.peek(meterId);
        if (meter === undefined || meter.mintingSuspended !== undefined) continue;
        if (!found.has(meterId)) {
          const atMs = row.receivedAtMs;
          found.set(meterId, { meter, entryId, rivalId: rival, atMs });
        }
      }
    }
    return [...found.values()];
  }

  private write(group: IngestGroup, issued: IssuedReceipts): readonly StoredReceipt[] {
    const receipts = group.written.map(({ row, entryId, contenders }, index) => {
      const record = this.log.byId.get(entryId) ?? this.create(row, entryId);
      const receipt = receiptOf(row, record, issued, index);
      record.judgements.push({
        verdict: row.verdict,
        assurance: row.assurance,
        ...(row.reason === undefined ? {} : { reason: row.reason }),
        ...(row.inputs === undefined ? {} : { inputs: row.inputs }),
        ...(row.signature === undefined ? {} : { signature: row.signature }),
        receipt,
      });
      const atMs = issued.committedAtMs;
      this.outbox.append(entryEvent(row, entryId, atMs));
      for (const event of contestedEvents(row, entryId, contenders, atMs))
        this.outbox.append(event);
      return receipt;
    });
    for (const id of group.freed)
      for (const register of registersOf(this.log.byId.get(id)?.row))
        this.log.occupied.get(register)?.free(id);
    for (const { register, interval } of group.occupying) {
      const taken = this.log.occupied.get(register) ?? new OccupiedIntervals();
      this.log.occupied.set(register, taken);
      taken.add(interval);
    }
    for (const one of group.written) {
      this.own(one.row, one.entryId);
      this.hold(one);
    }
    this.log.contests.addAll(group.contests);
    for (const [key, hash] of group.sequences) this.log.takeSequence(key, hash);
    return receipts;
  }

  /** What was just held waits for somebody; what was held and is accepted now waits no more. */
  private hold({ row, entryId, contenders, rival }: IngestGroup['written'][number]): void {
    const before = this.log.held.get(entryId);
    if (row.verdict === 'quarantined' && row.reading !== undefined)
      this.log.held.set(entryId, {
        entryId,
        accountId: row.accountId,
        meterId: row.reading.meterId,
        reason: row.reason ?? '',
        state: 'open',
        heldAtMs: row.receivedAtMs,
        others: [...contenders.map((one) => one.entryId), rival ?? []].flat(),
      });
    else if (before?.state === 'open') this.log.held.set(entryId, { ...before, state: 'accepted' });
  }

  /** A signature says whose meter it was: it may have been registered since the bytes first came. */
  private own({ signature, verdict, accountId, reading }: IngestRow, entryId: string): void {
    const record = this.log.byId.get(entryId);
    if (record === undefined || reading === undefined) return;
    if (signature === undefined || verdict === 'quarantined') return;
    record.row = { ...record.row, accountId, reading };
  }

  private create(row: IngestRow, entryId: string): EntryRecord {
    const record: EntryRecord = { row, judgements: [] };
    this.log.entries.push(record);
    this.log.byId.set(entryId, record);
    this.log.byHash.set(toHex(row.logHash), record);
    this.log.unsealed.add(entryId);
    return record;
  }
}

function receiptOf(
  row: IngestRow,
  record: EntryRecord,
  issued: IssuedReceipts,
  index: number,
): StoredReceipt {
  return {
    entryId: record.row.id,
    logHash: record.row.logHash,
    verdict: row.verdict,
    ...(row.reason === undefined ? {} : { reason: row.reason }),
    ruleSet: row.ruleSet,
    committedAtMs: issued.committedAtMs,
    includeByMs: issued.includeByMs,
    durability: 'memory',
    keyId: issued.keyId,
    signature: issued.signature,
    index,
    leaves: issued.leaves,
  };
}
