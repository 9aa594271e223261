import { hasLoneSurrogate } from '../json/lone-surrogate.js';
import { MemberNames, Members } from '../json/member-names.js';
import { JsonReader } from '../json/reader.js';
import { asciiBytes } from '../native-text.js';
import { JsonError } from '../json/json-error.js';
import type { DocumentCodec } from './codec.js';
import { floatText, integerDigits } from './emlog-number.js';
import { emlogTimestamp, timestampMs } from './emlog-timestamp.js';
import { microWattHours } from './energy.js';
import type { CanonicalDocument, ReadingFacts } from './format.js';
import { FormatError } from './format.js';

/**
 * `emlog-1.1`, the log document of kwh-btc-iot, byte for byte as its clients hash it: unknown members
 * dropped, defaults filled in, members sorted, `,` `:` separators, ASCII escapes, Python's floats.
 * What the reference's validator accepts is accepted, except what strict JSON refuses
 * (duplicate members, lone surrogates, not-finite and inexact numbers).
 */
export const emlog: DocumentCodec = Object.freeze({
  name: 'emlog-1.1',
  canonical(document: string | object): Uint8Array {
    if (typeof document !== 'string') return asciiBytes(write(membersOf(document), false).text);
    const reader = new JsonReader(document, 'literal');
    return asciiBytes(write(readMembers(reader), reader.plain).text);
  },
  read(json: string): CanonicalDocument {
    const reader = new JsonReader(json, 'literal');
    const values = readMembers(reader);
    const written = write(values, reader.plain);
    return {
      format: 'emlog-1.1',
      bytes: asciiBytes(written.text),
      reading: factsOf(values, written),
    };
  },
});

const TX_NAMES = new MemberNames([
  'amount_sats',
  'bitcoin_txid',
  'channel',
  'ln_invoice_id',
  'price_sats_per_kwh',
  'settlement_status',
  'unit',
]);
/** In canonical order, which is also the order of the values everywhere below. */
const NAMES = new MemberNames(
  [
    'energy_kwh',
    'interval_s',
    'iot_device_id',
    'meter_id',
    'power_kw_avg',
    'schema_version',
    'site_id',
    'status',
    'tags',
    'ts_end',
    'ts_start',
    'tx',
  ],
  { tx: TX_NAMES },
);

interface WrittenEmlog {
  readonly text: string;
  readonly start: string;
  readonly end: string;
  readonly energy: string;
}

function readMembers(reader: JsonReader): readonly unknown[] {
  const isObject = reader.peek() === 123;
  const values = isObject ? reader.members(NAMES).values : reader.value();
  reader.end();
  if (!isObject) throw new FormatError('model_type', 'An emlog document must be a JSON object');
  return values as readonly unknown[];
}

/** The members of a document that was parsed already; named one by one because that is what runs fast. */
function membersOf(document: object): readonly unknown[] {
  if (Array.isArray(document))
    throw new FormatError('model_type', 'An emlog document must be a JSON object');
  const d = document as Readonly<Record<string, unknown>>;
  return [
    d['energy_kwh'],
    d['interval_s'],
    d['iot_device_id'],
    d['meter_id'],
    d['power_kw_avg'],
    d['schema_version'],
    d['site_id'],
    d['status'],
    d['tags'],
    d['ts_end'],
    d['ts_start'],
    txMembersOf(d['tx']),
  ];
}

function txMembersOf(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const t = raw as Readonly<Record<string, unknown>>;
  return new Members([
    t['amount_sats'],
    t['bitcoin_txid'],
    t['channel'],
    t['ln_invoice_id'],
    t['price_sats_per_kwh'],
    t['settlement_status'],
    t['unit'],
  ]);
}

/** Writes the canonical text: pure ASCII. `plain`: every string is known to need no escape. */
function write(values: readonly unknown[], plain: boolean): WrittenEmlog {
  const energy = floatText(required(values[0], 'energy_kwh'), 'energy_kwh');
  if (energy.charCodeAt(0) === 45 && energy !== '-0.0')
    throw new FormatError('greater_than_equal', 'energy_kwh must be ≥ 0', 'energy_kwh');
  const interval = integerDigits(required(values[1], 'interval_s'), 'interval_s');
  if (interval === '0' || interval.charCodeAt(0) === 45)
    throw new FormatError('greater_than', 'interval_s must be > 0', 'interval_s');
  const device = string(required(values[2], 'iot_device_id'), 'iot_device_id', plain);
  const meter = string(required(values[3], 'meter_id'), 'meter_id', plain);
  const power =
    values[4] === undefined || values[4] === null ? 'null' : floatText(values[4], 'power_kw_avg');
  const version = stringOr(values[5], 'emlog-1.1', 'schema_version', plain);
  const site = string(required(values[6], 'site_id'), 'site_id', plain);
  const status = stringOr(values[7], 'ok', 'status', plain);
  const tagList = tags(values[8], plain);
  const end = emlogTimestamp(required(values[9], 'ts_end'), 'ts_end');
  const start = emlogTimestamp(required(values[10], 'ts_start'), 'ts_start');
  const payment = tx(required(values[11], 'tx'), plain);
  const text =
    `{"energy_kwh":${energy},"interval_s":${interval},"iot_device_id":"${device}","meter_id":"${meter}` +
    `","power_kw_avg":${power},"schema_version":"${version}","site_id":"${site}","status":"${status}` +
    `","tags":${tagList},"ts_end":"${end}","ts_start":"${start}","tx":${payment}}`;
  return { text, start, end, energy };
}

function tx(raw: unknown, plain: boolean): string {
  if (!(raw instanceof Members)) throw new FormatError('model_type', 'tx must be an object', 'tx');
  const { values } = raw;
  const amount = sats(values[0], 'tx.amount_sats');
  const txid = nullable(values[1], 'tx.bitcoin_txid', plain);
  const channel = stringOr(values[2], 'ln', 'tx.channel', plain);
  const invoice = nullable(values[3], 'tx.ln_invoice_id', plain);
  const price = sats(values[4], 'tx.price_sats_per_kwh');
  const status = stringOr(values[5], 'pending', 'tx.settlement_status', plain);
  const unit = stringOr(values[6], 'sats', 'tx.unit', plain);
  return (
    `{"amount_sats":${amount},"bitcoin_txid":${txid},"channel":"${channel}","ln_invoice_id":${invoice}` +
    `,"price_sats_per_kwh":${price},"settlement_status":"${status}","unit":"${unit}"}`
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
    out +=
      typeof tag === 'string' ? `"${string(tag, 'tags', plain)}"` : string(tag, `tags.${i}`, plain);
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
  return raw === null || raw === undefined ? 'null' : `"${string(raw, path, plain)}"`;
}

/** What stands between the quotes of a string, with everything outside 0x20…0x7e escaped as Python's `ensure_ascii` does. */
function string(raw: unknown, path: string, plain: boolean): string {
  if (typeof raw !== 'string')
    throw new FormatError('string_type', `${path} must be a string`, path);
  if (plain || !NEEDS_ESCAPE.test(raw)) return raw;
  if (hasLoneSurrogate(raw))
    throw new JsonError('json_lone_surrogate', `Half a surrogate pair in ${path}`);
  return JSON.stringify(raw)
    .slice(1, -1)
    .replace(BEYOND_PRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const NEEDS_ESCAPE = /[^ !#-[\]-~]/;
const BEYOND_PRINTABLE = /[^ -~]/g;

function factsOf(values: readonly unknown[], written: WrittenEmlog): ReadingFacts {
  return {
    siteId: values[6] as string,
    deviceId: values[2] as string,
    meterId: values[3] as string,
    startsMs: timestampMs(written.start),
    endsMs: timestampMs(written.end),
    energies: [{ register: 'consumption', energyUWh: microWattHours(written.energy) }],
    estimated: values[7] === 'estimated',
  };
}
