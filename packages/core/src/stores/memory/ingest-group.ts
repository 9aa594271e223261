import {
  type IngestRow,
  LATE_SEQUENCE,
  REVOKED_MEANWHILE,
  type RowOutcome,
} from '../../ingestion/ingest.store.js';
import { ERASED_DETAIL } from '../../logs/erasure.store.js';
import { type Contender, contestOf, heldBack } from '../../ingestion/cross-owner-rule.js';
import { REVIEW_REJECTED } from '../../quarantine/quarantine.store.js';
import { atLeast } from '../../logs/verdict.js';
import { type LogState, newest, registersOf, speakerOf } from './log-state.js';
import { toHex } from '../../verify/bytes.js';
import { Contests } from './contests.js';
import { occupiedBy, type OccupiedInterval, OccupiedIntervals } from './occupied-intervals.js';
import { notStorable } from './storable.js';

/** What a group would do to the log if it committed now. Nothing is written before the receipts exist. */
export class IngestGroup {
  readonly outcomes: RowOutcome[] = [];
  /** Per outcome the place in `written` whose receipt answers it; undefined: the stored one. */
  readonly answeredBy: (number | undefined)[] = [];
  /** Rows to be written, with the verdict they really get. */
  readonly written: {
    readonly row: IngestRow;
    readonly entryId: string;
    readonly contenders: readonly Contender[];
    /** The entry that used its sequence number before. */
    readonly rival?: string;
  }[] = [];
  /** Claims of this group on meters without a registered owner. */
  readonly contests = new Contests();
  /** Intervals this group takes, by register of a meter. */
  readonly taken = new Map<string, OccupiedIntervals>();
  readonly occupying: { readonly register: string; readonly interval: OccupiedInterval }[] = [];
  readonly freed = new Set<string>();
  readonly sequences = new Map<string, string>();
  /** Of each key this group has numbers of, the highest one so far. */
  private readonly highest = new Map<string, bigint>();
  /** By hex logHash: the newest row of this group with these bytes. */
  private readonly ownHashes = new Map<
    string,
    { readonly row: IngestRow; readonly entryId: string; readonly place: number }
  >();
  private readonly ownIds = new Set<string>();

  constructor(
    private readonly log: LogState,
    private readonly erasedKeyOf?: (logHash: Uint8Array) => Uint8Array,
  ) {}

  decide(row: IngestRow): void {
    this.outcomes.push(this.outcomeOf(row));
    this.answeredBy.push(this.ownHashes.get(toHex(row.logHash))?.place);
  }

  rowOf(entryId: string): IngestRow | undefined {
    return this.written.find((one) => one.entryId === entryId)?.row;
  }

  /** A reviewed entry, whatever was said of it before; refused when its place is taken. */
  review(row: IngestRow, entryId: string): Extract<RowOutcome, { kind: 'refused' }> | undefined {
    const refused = this.occupy(row, entryId, true);
    if (refused?.kind === 'refused') return refused;
    this.written.push({ row, entryId, contenders: [] });
    return undefined;
  }

  private outcomeOf(row: IngestRow): RowOutcome {
    const unstorable = notStorable(row);
    if (unstorable !== undefined)
      return { kind: 'refused', code: 'not_storable', detail: unstorable };
    const { speaker } = row;
    if (
      speaker !== undefined &&
      this.log.revokedSpeakers.has(speakerOf(speaker.meterId, speaker.publicKey))
    )
      return { kind: 'refused', code: 'key_revoked', detail: REVOKED_MEANWHILE };
    if (this.log.erasedKeys.size > 0 && this.erasedKeyOf !== undefined)
      if (this.log.erasedKeys.has(toHex(this.erasedKeyOf(row.logHash))))
        return { kind: 'refused', code: 'erased', detail: ERASED_DETAIL };
    const hash = toHex(row.logHash);
    const before = this.earlier(hash);
    if (before !== undefined) {
      const holds =
        before.reason === REVIEW_REJECTED ||
        (before.verdict !== 'quarantined' &&
          (row.verdict === 'quarantined' || atLeast(before.assurance, row.assurance)));
      if (holds) return { kind: 'duplicate', id: before.id };
    } else if (this.log.byId.has(row.id) || this.ownIds.has(row.id)) {
      return { kind: 'refused', code: 'not_storable', detail: `entry id ${row.id} is in use` };
    }
    const id = before?.id ?? row.id;

    let judged = row;
    let rival: string | undefined;
    const reading = row.reading;
    if (reading?.sequence !== undefined) {
      if (this.isLate(reading.sequence) && row.verdict !== 'quarantined')
        judged = { ...row, verdict: 'quarantined', reason: LATE_SEQUENCE };
      const key = sequenceKey(reading.sequence);
      const first = this.sequences.get(key) ?? this.log.sequences.get(key);
      if (first !== undefined && first !== hash) {
        judged = { ...row, verdict: 'quarantined', reason: 'sequence_equivocation' };
        rival = this.earlier(first)?.id;
      }
    }
    const contest = contestOf(judged);
    const contenders =
      contest === undefined
        ? []
        : [this.log.contests, this.contests].flatMap((there) => there.contenders(contest, id));
    if (contenders.length > 0) judged = heldBack(judged);
    // Quarantined again for the same reason, with nothing stronger behind it: nothing new is to be said.
    if (
      before?.verdict === 'quarantined' &&
      judged.verdict === 'quarantined' &&
      before.reason === judged.reason &&
      atLeast(before.assurance, judged.assurance)
    )
      return { kind: 'duplicate', id };
    if (reading !== undefined) {
      const refused = this.occupy(judged, id, before !== undefined);
      if (refused !== undefined) return refused;
      if (contest !== undefined && contenders.length === 0) this.contests.add(contest, id);
      if (reading.sequence !== undefined && judged.reason !== 'sequence_equivocation')
        this.sequences.set(sequenceKey(reading.sequence), hash);
    }
    this.written.push({
      row: judged,
      entryId: id,
      contenders,
      ...(rival === undefined ? {} : { rival }),
    });
    this.ownHashes.set(hash, { row: judged, entryId: id, place: this.written.length - 1 });
    this.ownIds.add(id);
    return {
      kind: before === undefined ? 'stored' : 'upgraded',
      id,
      verdict: judged.verdict,
      ...(judged.reason === undefined ? {} : { reason: judged.reason }),
    };
  }

  /** Whether it lies further behind the highest number of its key than its window; else it may be the highest. */
  private isLate({ device, epoch, number, window }: Sequence): boolean {
    const key = `${device} ${epoch}`;
    const seen = this.highest.get(key) ?? this.log.highestSequences.get(key);
    if (seen === undefined || number > seen) {
      this.highest.set(key, number);
      return false;
    }
    return window !== undefined && number < seen - window;
  }

  private earlier(hash: string) {
    const own = this.ownHashes.get(hash);
    if (own !== undefined)
      return {
        id: own.entryId,
        verdict: own.row.verdict,
        assurance: own.row.assurance,
        reason: own.row.reason,
      };
    const stored = this.log.byHash.get(hash);
    if (stored === undefined) return undefined;
    const { verdict, assurance, reason } = newest(stored);
    return { id: stored.row.id, verdict, assurance, reason };
  }

  /** Takes the reading's intervals, or says who is in the way. Only `occupies` takes or frees anything. */
  private occupy(row: IngestRow, id: string, known: boolean): RowOutcome | undefined {
    const reading = row.reading;
    if (reading === undefined) return undefined;
    const replaced = reading.supersedes === undefined ? undefined : this.superseded(row);
    if (reading.supersedes !== undefined && replaced === undefined)
      return {
        kind: 'refused',
        code: 'supersedes_unknown',
        detail: `no entry of this meter has the hash ${toHex(reading.supersedes)} that is to be superseded`,
      };
    // What is quarantined is kept as evidence, wherever it lies.
    if (row.verdict === 'quarantined') return undefined;

    // An upgraded entry stands on its own interval.
    const replacing = new Set([id, ...(replaced === undefined ? [] : [replaced])]);
    const leaving = new Set([...this.freed, ...replacing]);
    const fingerprint = toHex(reading.fingerprint);
    const registers = registersOf(row);
    const wanted = occupiedBy(reading, id);
    for (const register of registers) {
      const other =
        this.log.occupied.get(register)?.conflict(wanted, leaving) ??
        this.taken.get(register)?.conflict(wanted, replacing);
      if (other !== undefined)
        return {
          kind: 'refused',
          code: reading.startsMs === reading.endsMs ? 'timestamp_taken' : 'interval_overlap',
          detail: `entry ${other} already covers this time on register ${register.slice(fingerprint.length + 1)}`,
        };
    }
    if (!reading.occupies) return undefined;
    if (replaced !== undefined) this.free(replaced);
    if (known) this.free(id);
    for (const register of registers) {
      const own = this.taken.get(register) ?? new OccupiedIntervals();
      this.taken.set(register, own);
      own.add(wanted);
      this.occupying.push({ register, interval: wanted });
    }
    return undefined;
  }

  private holds(target: IngestRow, id: string): boolean {
    if (this.freed.has(id)) return false;
    return [...registersOf(target)].some((register) =>
      [this.taken, this.log.occupied].some((there) => there.get(register)?.holds(id) ?? false),
    );
  }

  private free(entryId: string): void {
    this.freed.add(entryId);
    for (const own of this.taken.values()) own.free(entryId);
    for (let i = this.occupying.length - 1; i >= 0; i -= 1)
      if (this.occupying[i]?.interval.entryId === entryId) this.occupying.splice(i, 1);
  }

  /** The id of the entry to be replaced: one of the same physical meter, or nobody's interval could be freed by others; of another account only what holds nothing. */
  private superseded(row: IngestRow): string | undefined {
    const reading = row.reading;
    if (reading?.supersedes === undefined) return undefined;
    const hash = toHex(reading.supersedes);
    const own = this.ownHashes.get(hash);
    const target = own?.row ?? this.log.byHash.get(hash)?.row;
    const id = own?.entryId ?? target?.id;
    if (target?.reading === undefined || id === undefined) return undefined;
    if (toHex(target.reading.fingerprint) !== toHex(reading.fingerprint)) return undefined;
    return target.accountId === row.accountId || !this.holds(target, id) ? id : undefined;
  }
}

type Sequence = NonNullable<NonNullable<IngestRow['reading']>['sequence']>;

function sequenceKey(sequence: { device: string; epoch: number; number: bigint }): string {
  return JSON.stringify([sequence.device, sequence.epoch, String(sequence.number)]);
}
