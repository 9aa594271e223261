import { type ImportedReading, MeterSeries, type Row } from '../../imports/index.js';
import type { Health, Ingest, PluginContext, Transport } from '../../spi/index.js';
import { askSource } from './ask-source.js';
import type { HttpSourceConfig } from './http-source.config.js';
import { jsonRows, SourceError } from './json-rows.js';
import { type Gap, gapsAfter, type SourceState } from './source-state.js';

export const SOURCE_COLLECTIONS = [{ name: 'state', version: 1 }] as const;

/** A column that every row has: when it was read, in ms since 1970. For sources that only tell what is now. */
export const RECEIVED_COLUMN = '$received';
const STATE_KEY = 'source';
const READINGS_PER_MESSAGE = 500;

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

  constructor(
    private readonly config: HttpSourceConfig,
    private readonly host: Host,
  ) {
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
      let state = (await this.state()) ?? this.first(nowMs);
      while (state.readToMs < nowMs && !signal.aborted) {
        const next = await this.readOn(state, nowMs, ingest, signal);
        if (next === undefined || next.readToMs === state.readToMs) break;
        state = next;
      }
      if (state.gaps.length > 0) await this.fillOne(state, ingest, signal);
      this.wrong = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SourceError)) throw error;
      if (this.wrong?.code !== error.code)
        logger.warn('source cannot be read', { instanceId, error });
      this.wrong = error;
    }
  }

  private first(nowMs: number): SourceState {
    return { readToMs: nowMs - this.config.backfillS * 1000, carry: { registers: {} }, gaps: [] };
  }

  /** The next window; undefined when the gateway could not take its readings now. */
  private async readOn(
    state: SourceState,
    nowMs: number,
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<SourceState | undefined> {
    const { windowS, backfillS } = this.config;
    const asked = {
      fromMs: state.readToMs,
      toMs: Math.min(nowMs, state.readToMs + windowS * 1000),
    };
    const series = new MeterSeries(this.config, state.carry);
    const found = await this.take(asked, series, ingest, signal);
    if (found === undefined) return undefined;
    // Up to now the newest interval may not be over; a window before now is done with.
    const readToMs =
      asked.toMs < nowMs ? asked.toMs : Math.max(state.readToMs, ...found.map(({ toMs }) => toMs));
    const next = {
      readToMs,
      carry: series.carry,
      gaps: this.hasIntervals
        ? gapsAfter(state.gaps, { ...asked, toMs: readToMs }, found, nowMs - backfillS * 1000)
        : [],
    };
    await this.keep(next);
    return next;
  }

  /** Asks for one gap again; what is still missing of it waits behind the others. */
  private async fillOne(state: SourceState, ingest: Ingest, signal: AbortSignal): Promise<void> {
    const { windowS, backfillS, ...mapping } = this.config;
    const [gap, ...others] = state.gaps;
    if (gap === undefined || signal.aborted) return;
    const asked = { ...gap, toMs: Math.min(gap.toMs, gap.fromMs + windowS * 1000) };
    // The time between two values of a register is measured already, as one interval.
    const meters = mapping.meters.flatMap((meter) => {
      const registers = meter.registers.filter(({ kind }) => kind !== 'register');
      return registers.length === 0 ? [] : [{ ...meter, registers }];
    });
    const series = new MeterSeries({ ...mapping, meters }, { registers: {} });
    const found = await this.take(asked, series, ingest, signal);
    if (found === undefined) return;
    const sinceMs = this.host.clock.nowMs() - backfillS * 1000;
    const left = gapsAfter([gap], asked, found, sinceMs);
    await this.keep({ ...state, gaps: [...others, ...left] });
  }

  /** Asks for a time and hands in what it gets; the intervals that are committed, undefined when the gateway is busy. */
  private async take(
    asked: Gap,
    series: MeterSeries,
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<readonly Gap[] | undefined> {
    const { config, host } = this;
    const text = await askSource(config, asked, signal);
    const rows = jsonRows(text, config.rows, this.columns);
    const receivedMs = String(host.clock.nowMs());
    const readings: ImportedReading[] = [];
    for (const row of rows) {
      const read = series.read({ ...row, [RECEIVED_COLUMN]: receivedMs });
      // A source tells the last value it told before once more; that is no mistake.
      for (const { code, detail } of read.refused)
        if (code !== 'time_not_after') await this.tell(code, detail, row);
      readings.push(...read.readings.filter(({ end }) => Date.parse(end!) > asked.fromMs));
    }
    for (let from = 0; from < readings.length; from += READINGS_PER_MESSAGE) {
      const some = readings.slice(from, from + READINGS_PER_MESSAGE);
      if (!(await this.submit(some, ingest, signal))) return undefined;
    }
    return readings.map(({ start, end }) => ({
      fromMs: Date.parse(start!),
      toMs: Date.parse(end!),
    }));
  }

  /** False when nothing was kept and it has to be tried later. */
  private async submit(
    readings: readonly ImportedReading[],
    ingest: Ingest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const lines = readings.map((document) => JSON.stringify({ format: 'reading/1', document }));
    const answer = await ingest.accept(
      {
        contentType: 'application/x-ndjson',
        bytes: Buffer.from(lines.join('\n'), 'utf8'),
        assurance: 'reader',
        vouchesFor: this.config.meters.map(({ id }) => id!),
        source: this.host.instanceId,
      },
      signal,
    );
    if (answer.kind === 'retry') return false;
    if (answer.kind === 'refused')
      throw new SourceError('source_answer', `${answer.code}: ${answer.detail}`);
    for (const [at, { verdict, reason, detail }] of answer.items.entries())
      if (verdict === 'rejected')
        await this.tell(reason ?? 'rejected', detail ?? '', readings[at]!);
    return true;
  }

  private async tell(code: string, detail: string, what: Row | ImportedReading): Promise<void> {
    await this.host.desk.deadLetter({
      source: this.host.instanceId,
      code,
      detail,
      bytes: Buffer.from(JSON.stringify(what), 'utf8'),
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

  private get hasIntervals(): boolean {
    return this.config.meters.some(({ registers }) =>
      registers.some(({ kind }) => kind !== 'register'),
    );
  }

  private async state(): Promise<SourceState | undefined> {
    const found = await this.host.collections.get('state', STATE_KEY);
    return found?.value as unknown as SourceState | undefined;
  }

  private async keep(state: SourceState): Promise<void> {
    await this.host.collections.put(
      'state',
      STATE_KEY,
      JSON.parse(JSON.stringify(state)) as Record<string, never>,
    );
  }
}
