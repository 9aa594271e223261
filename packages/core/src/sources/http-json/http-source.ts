import {
  handedIn,
  type ImportedReading,
  MessageRefused,
  MeterSeries,
} from '../../imports/index.js';
import {
  CollectionConflict,
  type Health,
  type Ingest,
  type PluginContext,
  type Transport,
} from '../../spi/index.js';
import { askSource } from './ask-source.js';
import { type HttpSourceConfig, PLACEHOLDER } from './http-source.config.js';
import { jsonRows, SourceError } from './json-rows.js';
import {
  type Gap,
  gapsAfter,
  isWaiting,
  SourceMemory,
  type SourceState,
  upTo,
} from './source-state.js';
import { ToldRows } from './told-rows.js';

export const SOURCE_COLLECTIONS = [{ name: 'state', version: 1 }] as const;

/** A column that every row has: when it was read, in ms since 1970. For sources that only tell what is now. */
const RECEIVED_COLUMN = '$received';
/** Most readings that are kept beside the place until they are committed. */
const MAX_PENDING = 500;
/** How far ahead of the gateway's clock a source may be, as readings may. */
const MAX_AHEAD_MS = 60_000;

type Host = Required<Pick<PluginContext, 'collections' | 'desk' | 'jobs'>> &
  Pick<PluginContext, 'instanceId' | 'clock' | 'logger'>;

/**
 * Reads meters that do not push. It asks for what follows the last reading that was committed, so whatever stood still in
 * between, itself included, is read later; times for which the source had nothing are asked for again.
 */
export class HttpSource implements Transport {
  private ingest: Ingest | undefined;
  private under: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private wrong: SourceError | undefined;
  private readonly memory: SourceMemory;
  /** A source that is asked for a time; others tell what they have, whatever they are asked. */
  private readonly isAskedForTimes: boolean;

  constructor(
    private readonly config: HttpSourceConfig,
    private readonly host: Host,
  ) {
    this.memory = new SourceMemory(host.collections);
    this.isAskedForTimes = config.url.search(PLACEHOLDER) >= 0;
    host.jobs.every('read', config.everyS * 1000, (signal) => this.read(signal));
  }

  async start(ingest: Ingest): Promise<void> {
    this.ingest = ingest;
  }

  async stop(): Promise<void> {
    this.ingest = undefined;
    this.stopping.abort();
    await this.under?.catch(() => undefined);
  }

  async health(): Promise<Health> {
    const { wrong } = this;
    if (wrong === undefined) return { live: true, ready: this.ingest !== undefined };
    return { live: true, ready: false, detail: `${wrong.code}: ${wrong.message}` };
  }

  private async read(signal: AbortSignal): Promise<void> {
    if (this.ingest === undefined) return;
    this.under = this.catchUp(this.ingest, AbortSignal.any([signal, this.stopping.signal]));
    await this.under;
  }

  /** Window after window up to now, then one gap again. */
  private async catchUp(ingest: Ingest, signal: AbortSignal): Promise<void> {
    const { clock, logger, instanceId } = this.host;
    const nowMs = clock.nowMs();
    try {
      const found = await this.memory.read();
      if (found !== undefined && isWaiting(found, nowMs)) return;
      let state = await this.begin(found, nowMs, ingest, signal);
      while (state !== undefined && state.readToMs < nowMs && !signal.aborted) {
        const next = await this.readOn(state, nowMs, ingest, signal);
        if (next === undefined || next.readToMs === state.readToMs) {
          state = next;
          break;
        }
        state = next;
      }
      if (state !== undefined && state.gaps.length > 0 && this.isAskedForTimes)
        await this.fillOne(state, nowMs, ingest, signal);
      this.wrong = undefined;
    } catch (error) {
      // Another replica has read on meanwhile: what this one knows is old.
      if (signal.aborted || error instanceof CollectionConflict) return;
      if (!(error instanceof SourceError)) throw error;
      if (this.wrong?.code !== error.code)
        logger.warn('source cannot be read', { instanceId, error });
      this.wrong = error;
      if (error.retryAfterMs !== undefined) await this.rest(nowMs + error.retryAfterMs);
    }
  }

  /** Whichever replica has the next turn leaves the source alone until then. */
  private async rest(untilMs: number): Promise<void> {
    const state = await this.memory.read();
    if (state !== undefined) await this.memory.keep({ ...state, waitUntilMs: untilMs });
  }

  /** Where it stopped, with everything committed up to there; undefined when the gateway cannot take that now. */
  private async begin(
    found: SourceState | undefined,
    nowMs: number,
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<SourceState | undefined> {
    if (found === undefined)
      return this.memory.keep({
        readToMs: nowMs - this.config.backfillS * 1000,
        carry: { registers: {} },
        gaps: [],
      });
    const { pending, waitUntilMs: _over, ...rest } = found;
    const state = upTo(nowMs, rest);
    if (pending === undefined) return state === rest ? state : this.memory.keep(state);
    return (await this.handIn(pending, ingest, signal)) ? this.memory.keep(state) : undefined;
  }

  /** The next window; undefined when the gateway could not take its readings now. */
  private async readOn(
    state: SourceState,
    nowMs: number,
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<SourceState | undefined> {
    const { windowS, backfillS } = this.config;
    const fromMs = state.readToMs;
    const toMs = this.isAskedForTimes ? Math.min(nowMs, fromMs + windowS * 1000) : nowMs;
    const series = new MeterSeries(this.config, state.carry, nowMs + MAX_AHEAD_MS);
    // Who tells what it has tells late values without being asked for them.
    const wantedMs = this.isAskedForTimes ? fromMs : (state.gaps[0]?.fromMs ?? fromMs);
    const readings = await this.ask({ fromMs, toMs }, wantedMs, series, signal);
    const newestMs = readings.reduce((ms, { end }) => Math.max(ms, Date.parse(end!)), fromMs);
    // Up to now the newest interval may not be over; a window before now is done with.
    const readToMs = toMs < nowMs ? toMs : Math.min(nowMs, newestMs);
    const covered = this.coveredBy(readings);
    const sinceMs = nowMs - backfillS * 1000;
    const gaps = gapsAfter(state.gaps, { fromMs, toMs: readToMs }, covered, sinceMs);
    const next = { readToMs, carry: series.carry, gaps };
    // A register's reading depends on when it was asked: asked again it would be another one, over the same time.
    const isKeptBefore = this.hasRegisters && readings.length <= MAX_PENDING;
    if (isKeptBefore && readings.length > 0) await this.memory.keep({ ...next, pending: readings });
    return (await this.handIn(readings, ingest, signal)) ? this.memory.keep(next) : undefined;
  }

  /** Asks for one gap again; what is still missing of it waits behind the others. */
  private async fillOne(
    state: SourceState,
    nowMs: number,
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<void> {
    const { windowS, backfillS, ...mapping } = this.config;
    const [gap, ...others] = state.gaps;
    if (gap === undefined || signal.aborted) return;
    const asked = { ...gap, toMs: Math.min(gap.toMs, gap.fromMs + windowS * 1000) };
    // The time between two values of a register is measured already, as one interval.
    const meters = mapping.meters.flatMap((meter) => {
      const registers = meter.registers.filter(({ kind }) => kind !== 'register');
      return registers.length === 0 ? [] : [{ ...meter, registers }];
    });
    const series = new MeterSeries({ ...mapping, meters }, { registers: {} }, nowMs);
    const readings = await this.ask(asked, asked.fromMs, series, signal);
    if (!(await this.handIn(readings, ingest, signal))) return;
    const sinceMs = nowMs - backfillS * 1000;
    const left = gapsAfter([gap], asked, this.coveredBy(readings), sinceMs);
    await this.memory.keep({ ...state, gaps: [...others, ...left] });
  }

  /** The readings of the answer about a time that end behind `wantedMs` and are over. */
  private async ask(
    asked: Gap,
    wantedMs: number,
    series: MeterSeries,
    signal: AbortSignal,
  ): Promise<readonly ImportedReading[]> {
    const { config, host } = this;
    const text = await askSource(config, asked, host.clock.nowMs(), signal);
    const receivedMs = host.clock.nowMs();
    const readings: ImportedReading[] = [];
    const told = new ToldRows(host.desk, host.instanceId);
    const rows = jsonRows(text, config.rows, this.columns).map((row) => ({
      ...row,
      [RECEIVED_COLUMN]: String(receivedMs),
    }));
    for (const row of series.inOrder(rows)) {
      const read = series.read(row);
      // A source tells the last value it told before once more; that is no mistake.
      for (const { code, detail } of read.refused)
        if (code !== 'time_not_after') await told.tell(code, detail, row);
      for (const reading of read.readings) {
        const endMs = Date.parse(reading['end']!);
        if (endMs > wantedMs && endMs <= receivedMs + MAX_AHEAD_MS) readings.push(reading);
      }
    }
    await told.end();
    return readings;
  }

  /** False when not everything was kept and it has to be tried later. */
  private async handIn(
    readings: readonly ImportedReading[],
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { instanceId, desk } = this.host;
    const told = new ToldRows(desk, instanceId);
    const messages = handedIn(readings, (message) =>
      ingest.accept(
        {
          ...message,
          assurance: 'reader',
          vouchesFor: this.config.meters.map(({ id }) => id!),
          source: instanceId,
        },
        signal,
      ),
    );
    try {
      for await (const { from, answer } of messages) {
        if (answer.kind === 'retry') return false;
        for (const [at, { verdict, reason, detail }] of answer.items.entries())
          if (verdict === 'rejected')
            await told.tell(reason ?? 'rejected', detail ?? '', readings[from + at]!);
      }
    } catch (cause) {
      if (!(cause instanceof MessageRefused)) throw cause;
      throw new SourceError('source_answer', cause.message, { cause });
    }
    await told.end();
    return true;
  }

  /** Of each meter with intervals, the times that the readings cover. */
  private coveredBy(readings: readonly ImportedReading[]): readonly (readonly Gap[])[] {
    const times = readings.map(({ start, end }) => ({
      fromMs: Date.parse(start!),
      toMs: Date.parse(end!),
    }));
    return this.config.meters.flatMap(({ id, registers }) => {
      const fields = registers.flatMap(({ kind, field }) => (kind === 'register' ? [] : [field]));
      if (fields.length === 0) return [];
      const isOf = (reading: ImportedReading): boolean =>
        reading['meter'] === id && fields.some((field) => reading[field] !== undefined);
      return [times.filter((_, at) => isOf(readings[at]!))];
    });
  }

  private get columns(): readonly string[] {
    const { time, meters } = this.config;
    return [
      ...time.columns,
      ...meters.flatMap(({ registers }) =>
        registers.flatMap(({ column, estimated }) => [
          column,
          ...(estimated === undefined ? [] : [estimated.column]),
        ]),
      ),
    ];
  }

  private get hasRegisters(): boolean {
    return this.config.meters.some(({ registers }) =>
      registers.some(({ kind }) => kind === 'register'),
    );
  }
}
