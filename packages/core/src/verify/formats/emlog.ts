import { JsonNumber } from '../json/number-literal.js';
import { JsonReader, hasLoneSurrogate } from '../json/reader.js';
import { JsonError } from '../json/json-error.js';
import type { DocumentCodec } from './codec.js';
import { floatLiteral, integerDigits } from './emlog-number.js';
import type { EmlogTimestamp } from './emlog-timestamp.js';
import { emlogTimestamp } from './emlog-timestamp.js';
import { microWattHours } from './energy.js';
import type { CanonicalDocument, ReadingFacts } from './format.js';
import { FormatError } from './format.js';
import { pythonFloat } from './python-float.js';

/**
 * `emlog-1.1`, the log document of kwh-btc-iot, byte for byte as its clients hash it: unknown members
 * dropped, defaults filled in, members sorted, `,` `:` separators, ASCII escapes, Python's floats.
 * What the reference's validator accepts is accepted, except what strict JSON refuses
 * (duplicate members, lone surrogates, not-finite and inexact numbers).
 */
export const emlog: DocumentCodec = Object.freeze({
  name: 'emlog-1.1',
  canonical(document: string | object): Uint8Array {
    if (typeof document !== 'string') return asciiBytes(write(document as EmlogSource, false).text);
    const reader = new JsonReader(document, 'literal');
    const source = readEmlog(reader);
    return asciiBytes(write(source, reader.plain).text);
  },
  read(json: string): CanonicalDocument {
    const reader = new JsonReader(json, 'literal');
    const source = readEmlog(reader);
    const written = write(source, reader.plain);
    return {
      format: 'emlog-1.1',
      bytes: asciiBytes(written.text),
      reading: factsOf(source, written),
    };
  },
});

/** Members as they came; nothing about their types is known yet. Absent ones are undefined. */
interface EmlogSource {
  energy_kwh: unknown;
  interval_s: unknown;
  iot_device_id: unknown;
  meter_id: unknown;
  power_kw_avg: unknown;
  schema_version: unknown;
  site_id: unknown;
  status: unknown;
  tags: unknown;
  ts_end: unknown;
  ts_start: unknown;
  tx: unknown;
}

interface TxSource {
  amount_sats: unknown;
  bitcoin_txid: unknown;
  channel: unknown;
  ln_invoice_id: unknown;
  price_sats_per_kwh: unknown;
  settlement_status: unknown;
  unit: unknown;
}

interface WrittenEmlog {
  readonly text: string;
  readonly start: EmlogTimestamp;
  readonly end: EmlogTimestamp;
  readonly energyLiteral: string;
}

function readEmlog(reader: JsonReader): EmlogSource {
  if (reader.peek() !== 123) {
    reader.value();
    reader.end();
    throw new FormatError('model_type', 'An emlog document must be a JSON object');
  }
  const source: EmlogSource = {
    energy_kwh: undefined,
    interval_s: undefined,
    iot_device_id: undefined,
    meter_id: undefined,
    power_kw_avg: undefined,
    schema_version: undefined,
    site_id: undefined,
    status: undefined,
    tags: undefined,
    ts_end: undefined,
    ts_start: undefined,
    tx: undefined,
  };
  let unknownKeys: Set<string> | undefined;
  if (reader.enterObject())
    do {
      const key = reader.key();
      switch (key) {
        case 'energy_kwh':
        case 'interval_s':
        case 'iot_device_id':
        case 'meter_id':
        case 'power_kw_avg':
        case 'schema_version':
        case 'site_id':
        case 'status':
        case 'tags':
        case 'ts_end':
        case 'ts_start':
          if (source[key] !== undefined) reader.duplicate(key);
          source[key] = reader.value();
          break;
        case 'tx':
          if (source.tx !== undefined) reader.duplicate(key);
          source.tx = reader.peek() === 123 ? readTx(reader) : reader.value();
          break;
        default:
          unknownKeys = skipUnknown(reader, key, unknownKeys);
      }
    } while (reader.nextMember());
  reader.end();
  return source;
}

function readTx(reader: JsonReader): TxSource {
  const tx: TxSource = {
    amount_sats: undefined,
    bitcoin_txid: undefined,
    channel: undefined,
    ln_invoice_id: undefined,
    price_sats_per_kwh: undefined,
    settlement_status: undefined,
    unit: undefined,
  };
  let unknownKeys: Set<string> | undefined;
  if (reader.enterObject())
    do {
      const key = reader.key();
      switch (key) {
        case 'amount_sats':
        case 'bitcoin_txid':
        case 'channel':
        case 'ln_invoice_id':
        case 'price_sats_per_kwh':
        case 'settlement_status':
        case 'unit':
          if (tx[key] !== undefined) reader.duplicate(key);
          tx[key] = reader.value();
          break;
        default:
          unknownKeys = skipUnknown(reader, key, unknownKeys);
      }
    } while (reader.nextMember());
  return tx;
}

function skipUnknown(reader: JsonReader, key: string, seen: Set<string> | undefined): Set<string> {
  const keys = seen ?? new Set<string>();
  if (keys.has(key)) reader.duplicate(key);
  keys.add(key);
  reader.value();
  return keys;
}

/** Writes the canonical text: pure ASCII. `plain`: every string is known to need no escape. */
function write(source: EmlogSource, plain: boolean): WrittenEmlog {
  if (Array.isArray(source))
    throw new FormatError('model_type', 'An emlog document must be an object');
  const energyLiteral = floatLiteral(required(source.energy_kwh, 'energy_kwh'), 'energy_kwh');
  const energy = Number(energyLiteral);
  if (energy < 0)
    throw new FormatError('greater_than_equal', 'energy_kwh must be ≥ 0', 'energy_kwh');
  const interval = integerDigits(required(source.interval_s, 'interval_s'), 'interval_s');
  if (interval === '0' || interval.charCodeAt(0) === 45)
    throw new FormatError('greater_than', 'interval_s must be > 0', 'interval_s');
  const power = source.power_kw_avg;
  const start = emlogTimestamp(required(source.ts_start, 'ts_start'), 'ts_start');
  const end = emlogTimestamp(required(source.ts_end, 'ts_end'), 'ts_end');
  const text =
    `{"energy_kwh":${pythonFloat(energy)},"interval_s":${interval}` +
    `,"iot_device_id":${string(required(source.iot_device_id, 'iot_device_id'), 'iot_device_id', plain)}` +
    `,"meter_id":${string(required(source.meter_id, 'meter_id'), 'meter_id', plain)}` +
    `,"power_kw_avg":${power === null || power === undefined ? 'null' : pythonFloat(Number(floatLiteral(power, 'power_kw_avg')))}` +
    `,"schema_version":${stringOr(source.schema_version, '"emlog-1.1"', 'schema_version', plain)}` +
    `,"site_id":${string(required(source.site_id, 'site_id'), 'site_id', plain)}` +
    `,"status":${stringOr(source.status, '"ok"', 'status', plain)}` +
    `,"tags":${tags(source.tags, plain)}` +
    `,"ts_end":"${end.text}","ts_start":"${start.text}"` +
    `,"tx":${tx(required(source.tx, 'tx'), plain)}}`;
  return { text, start, end, energyLiteral };
}

function tx(raw: unknown, plain: boolean): string {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || raw instanceof JsonNumber)
    throw new FormatError('model_type', 'tx must be an object', 'tx');
  const source = raw as TxSource;
  const price = sats(source.price_sats_per_kwh, 'tx.price_sats_per_kwh');
  return (
    `{"amount_sats":${sats(source.amount_sats, 'tx.amount_sats')}` +
    `,"bitcoin_txid":${nullable(source.bitcoin_txid, 'tx.bitcoin_txid', plain)}` +
    `,"channel":${stringOr(source.channel, '"ln"', 'tx.channel', plain)}` +
    `,"ln_invoice_id":${nullable(source.ln_invoice_id, 'tx.ln_invoice_id', plain)}` +
    `,"price_sats_per_kwh":${price}` +
    `,"settlement_status":${stringOr(source.settlement_status, '"pending"', 'tx.settlement_status', plain)}` +
    `,"unit":${stringOr(source.unit, '"sats"', 'tx.unit', plain)}}`
  );
}

function sats(raw: unknown, path: string): string {
  const digits = integerDigits(required(raw, path), path);
  if (digits.charCodeAt(0) === 45)
    throw new FormatError('greater_than_equal', `${path} must be ≥ 0`, path);
  return digits;
}

function tags(raw: unknown, plain: boolean): string {
  if (raw === undefined) return '[]';
  if (!Array.isArray(raw)) throw new FormatError('list_type', 'tags must be a list', 'tags');
  let out = '[';
  for (let i = 0; i < raw.length; i += 1) {
    if (i > 0) out += ',';
    const tag: unknown = raw[i];
    out += plain && typeof tag === 'string' ? `"${tag}"` : string(tag, `tags.${i}`, plain);
  }
  return `${out}]`;
}

function required(raw: unknown, path: string): unknown {
  if (raw === undefined) throw new FormatError('missing', `${path} is missing`, path);
  return raw;
}

function stringOr(raw: unknown, fallback: string, path: string, plain: boolean): string {
  return raw === undefined ? fallback : string(raw, path, plain);
}

function nullable(raw: unknown, path: string, plain: boolean): string {
  return raw === null || raw === undefined ? 'null' : string(raw, path, plain);
}

/** A string with everything outside 0x20…0x7e escaped, as Python's `ensure_ascii` does. */
function string(raw: unknown, path: string, plain: boolean): string {
  if (typeof raw !== 'string')
    throw new FormatError('string_type', `${path} must be a string`, path);
  if (plain || !NEEDS_ESCAPE.test(raw)) return `"${raw}"`;
  if (hasLoneSurrogate(raw))
    throw new JsonError('json_lone_surrogate', `Half a surrogate pair in ${path}`);
  return JSON.stringify(raw).replace(
    BEYOND_PRINTABLE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const NEEDS_ESCAPE = /[^ !#-[\]-~]/;
const BEYOND_PRINTABLE = /[^ -~]/g;

/** Bytes of a text that is ASCII by construction. */
function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function factsOf(source: EmlogSource, written: WrittenEmlog): ReadingFacts {
  return {
    siteId: source.site_id as string,
    deviceId: source.iot_device_id as string,
    meterId: source.meter_id as string,
    startsMs: written.start.ms,
    endsMs: written.end.ms,
    energies: [{ register: 'consumption', energyUWh: microWattHours(written.energyLiteral) }],
    estimated: source.status === 'estimated',
  };
}
