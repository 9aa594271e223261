import { microWattHours } from '../verify/index.js';
import { ImportError, RowRefusal } from './import-error.js';
import { LocalTime } from './local-time.js';
import type { MappedMeter, MappedRegister, RowMapping } from './mapping.js';
import type { Row } from './read-rows.js';
import { inOrderOfTime } from './row-order.js';
import { type RowInstants, rowTimeReader } from './row-time.js';

/** A document of `reading/1`. */
export type ImportedReading = Readonly<Record<string, string>>;

/** What later rows need of earlier ones: the last value of each register, and when it was read. */
export interface Carried {
  readonly atMs: number;
  readonly uWh: string;
  readonly estimated: boolean;
}
export interface Carry {
  /** Newest instants within an hour that comes twice, by the meters of the row, as long as they are in it. */
  readonly twice?: Readonly<Record<string, number>>;
  /** By field and meter id. */
  readonly registers: Readonly<Record<string, Carried>>;
}

export interface RowReadings {
  readonly readings: readonly ImportedReading[];
  readonly refused: readonly RowRefusal[];
  /** Values of registers that should have been there before this row and were not. */
  readonly missingValues: number;
}

/** Registers an import may follow at once, and bytes of what is remembered of them: it is kept with every part. */
const MAX_CARRIED = 5_000;
const MAX_CARRIED_BYTES = 786_432;
/** Of one register besides its name, as JSON. */
const CARRIED_BYTES = 80;
/** Of a meter's id in UTF-8, as `limits.idBytes`. */
const MAX_ID_BYTES = 256;
/** What a store can keep, in µWh. */
const INT64 = 1n << 63n;
const HOUR_S = 3600n;
const VALUE = /^[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?$/;

/**
 * Turns rows into readings, in the order of the file. A gap becomes one longer interval, never several invented ones, so the
 * intervals of a register add up to its difference.
 */
export class MeterSeries {
  private readonly instantsOf: (text: string) => RowInstants | RowRefusal;
  private readonly everyMs: number;
  private readonly registers: Map<string, Carried>;
  private readonly twice: Map<string, number>;
  private carriedBytes = 0;

  constructor(
    private readonly mapping: RowMapping,
    carried: Carry,
    /** A later instant is refused: one wrong clock must not make everything that follows look old. */
    private readonly lastMs = Infinity,
  ) {
    this.instantsOf = rowTimeReader(mapping.time.form, new LocalTime(mapping.time.zone));
    this.everyMs = mapping.intervalS * 1000;
    this.registers = new Map(Object.entries(carried.registers));
    this.twice = new Map(Object.entries(carried.twice ?? {}));
    for (const key of [...this.registers.keys(), ...this.twice.keys()]) this.remember(key);
  }

  /** What has to be remembered for the rows that follow. */
  get carry(): Carry {
    const registers = Object.fromEntries(this.registers);
    return this.twice.size === 0
      ? { registers }
      : { registers, twice: Object.fromEntries(this.twice) };
  }

  /** Throws `import_too_many_meters`. */
  read(row: Row): RowReadings {
    const { meters } = this.mapping;
    const text = this.timeOf(row);
    const instants = this.instantsOf(text);
    if (instants instanceof RowRefusal)
      return { readings: [], refused: [instants], missingValues: 0 };
    const atMs = this.instantOf(row, instants);
    if (atMs > this.lastMs)
      return {
        readings: [],
        refused: [
          new RowRefusal(
            'time_in_future',
            `"${text.slice(0, 64)}" lies ahead of the gateway's clock; set the clock of the source`,
          ),
        ],
        missingValues: 0,
      };
    const all = meters.map((meter) => this.readMeter(row, meter, atMs));
    return {
      readings: all.flatMap(({ readings }) => readings),
      refused: all.flatMap(({ refused }) => refused),
      missingValues: all.reduce((sum, { missingValues }) => sum + missingValues, 0),
    };
  }

  /** For whoever has all rows at once: as `read` wants them. */
  inOrder(rows: readonly Row[]): readonly Row[] {
    return inOrderOfTime(rows, (row) => this.instantsOf(this.timeOf(row)));
  }

  private timeOf(row: Row): string {
    return this.mapping.time.columns.map((name) => row[name] ?? '').join(' ');
  }

  /** Of two, the later one when the rows before of the same meters came as far as the earlier: a meter's rows come in order. */
  private instantOf(row: Row, [earlier, later]: RowInstants): number {
    if (later === undefined && this.twice.size === 0) return earlier;
    const whose = this.mapping.meters
      .map(({ idColumn }) => (row[idColumn ?? ''] ?? '').slice(0, MAX_ID_BYTES))
      .join('\n');
    const before = this.twice.get(whose);
    if (later === undefined) {
      if (this.twice.delete(whose)) this.forget(whose);
      return earlier;
    }
    const atMs = before !== undefined && earlier <= before ? later : earlier;
    if (before === undefined) this.remember(whose);
    this.twice.set(whose, Math.max(before ?? atMs, atMs));
    return atMs;
  }

  private readMeter(row: Row, meter: MappedMeter, atMs: number): RowReadings {
    const meterId = `${meter.id ?? ''}${meter.idColumn === undefined ? '' : (row[meter.idColumn] ?? '')}`;
    if (meterId === '')
      return {
        readings: [],
        refused: [new RowRefusal('meter_missing', `column "${meter.idColumn}" names no meter`)],
        missingValues: 0,
      };
    const idBytes = Buffer.byteLength(meterId);
    if (idBytes > MAX_ID_BYTES)
      return {
        readings: [],
        refused: [
          new RowRefusal(
            'meter_invalid',
            `"${meterId.slice(0, 64)}…" has ${idBytes} bytes, the id of a meter at most ${MAX_ID_BYTES}`,
          ),
        ],
        missingValues: 0,
      };
    const refused: RowRefusal[] = [];
    // Registers with the same interval are one reading.
    const byInterval = new Map<string, Record<string, string>>();
    let missingValues = 0;
    for (const register of meter.registers) {
      const literal = (row[register.column] ?? '').trim();
      if (this.mapping.missing.some((one) => one.trim() === literal)) continue;
      const uWh = this.microWattHoursOf(literal, register);
      if (uWh instanceof RowRefusal) {
        refused.push(uWh);
        continue;
      }
      const { estimated: mark } = register;
      const estimated = mark !== undefined && (row[mark.column] ?? '').includes(mark.contains);
      const found =
        register.kind === 'register'
          ? this.step(`${register.field} ${meterId}`, { atMs, uWh: String(uWh), estimated })
          : { ...this.interval(atMs), uWh, estimated, missing: 0 };
      if (found === undefined) continue;
      if (found instanceof RowRefusal) {
        refused.push(found);
        continue;
      }
      missingValues += found.missing;
      const key = `${found.startsMs} ${found.endsMs} ${found.estimated}`;
      const reading = byInterval.get(key) ?? {
        v: 'reading/1',
        site: meter.site,
        device: meter.device ?? meterId,
        meter: meterId,
        start: new Date(found.startsMs).toISOString(),
        end: new Date(found.endsMs).toISOString(),
        ...(found.estimated ? { status: 'estimated' } : {}),
      };
      byInterval.set(key, { ...reading, [register.field]: kwhOf(found.uWh) });
    }
    return { readings: [...byInterval.values()], refused, missingValues };
  }

  private interval(atMs: number): { readonly startsMs: number; readonly endsMs: number } {
    return this.mapping.time.stamps === 'end'
      ? { startsMs: atMs - this.everyMs, endsMs: atMs }
      : { startsMs: atMs, endsMs: atMs + this.everyMs };
  }

  /** From the register's value before to this one; undefined at its first. */
  private step(key: string, now: Carried) {
    const before = this.registers.get(key);
    if (before === undefined) {
      if (this.registers.size >= MAX_CARRIED) throw tooManyMeters();
      this.remember(key);
      this.registers.set(key, now);
      return undefined;
    }
    if (now.atMs <= before.atMs)
      return new RowRefusal(
        'time_not_after',
        `the register was read at ${new Date(before.atMs).toISOString()} already; sort the rows by time`,
      );
    this.registers.set(key, now);
    const uWh = BigInt(now.uWh) - BigInt(before.uWh);
    // A reset or a changed meter is somebody's decision, not arithmetic; what follows counts from here.
    if (uWh < 0n)
      return new RowRefusal(
        'register_falls',
        `the register falls from ${kwhOf(BigInt(before.uWh))} to ${kwhOf(BigInt(now.uWh))} kWh; nothing was imported for the time in between`,
      );
    return {
      startsMs: before.atMs,
      endsMs: now.atMs,
      uWh,
      estimated: before.estimated || now.estimated,
      missing: Math.max(0, Math.round((now.atMs - before.atMs) / this.everyMs) - 1),
    };
  }

  private remember(key: string): void {
    this.carriedBytes += bytesOf(key);
    if (this.carriedBytes > MAX_CARRIED_BYTES) throw tooManyMeters();
  }

  private forget(key: string): void {
    this.carriedBytes -= bytesOf(key);
  }

  private microWattHoursOf(
    literal: string,
    { kind, unit, column }: MappedRegister,
  ): bigint | RowRefusal {
    if (!VALUE.test(literal))
      return new RowRefusal(
        'value_invalid',
        `"${literal.slice(0, 64)}" in column "${column}" is no number`,
      );
    if (literal.startsWith('-') && /[1-9]/.test(literal))
      return new RowRefusal(
        'value_negative',
        `"${literal.slice(0, 64)}" in column "${column}" is below zero`,
      );
    const uWh = microWattHours(unit === 'Wh' || unit === 'W' ? thousandth(literal) : literal);
    const energy = kind === 'mean-power' ? (uWh * BigInt(this.mapping.intervalS)) / HOUR_S : uWh;
    if (energy < INT64) return energy;
    return new RowRefusal(
      'value_invalid',
      `"${literal.slice(0, 64)}" in column "${column}" is more than 2^63 - 1 µWh`,
    );
  }
}

const bytesOf = (key: string): number => Buffer.byteLength(JSON.stringify(key)) + CARRIED_BYTES;

function tooManyMeters(): ImportError {
  return new ImportError(
    'import_too_many_meters',
    `the file has more than ${MAX_CARRIED} registers, or their names are too long; split it by meter`,
  );
}

function thousandth(literal: string): string {
  const [value = '', exponent = '0'] = literal.split(/[eE]/);
  return `${value}e${Number(exponent) - 3}`;
}

/** µWh as a decimal string of kWh, without zeros at its end. */
export function kwhOf(uWh: bigint): string {
  const digits = uWh.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}
