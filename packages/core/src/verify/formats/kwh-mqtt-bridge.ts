import { JsonNumber } from '../json/number-literal.js';
import { parseJson } from '../json/parse.js';
import type { JsonTree } from '../json/reader.js';
import { floatLiteral } from './emlog-number.js';
import { FormatError } from './format.js';
import { pythonNumberText } from './python-number-text.js';

/** The topic kwh-btc-iot devices publish to; exactly four levels. */
export const KWH_TOPIC_FILTER = 'energy/+/+/+';

/** An emlog document as the bridge builds it. Members copied from the payload keep whatever type they came with. */
export interface BridgedEmlog {
  readonly schema_version: 'emlog-1.1';
  readonly site_id: string;
  readonly iot_device_id: string;
  readonly meter_id: string;
  readonly ts_start: unknown;
  readonly ts_end: unknown;
  readonly interval_s: unknown;
  readonly energy_kwh: number;
  readonly power_kw_avg: unknown;
  readonly status: unknown;
  readonly tags: unknown;
  readonly tx: {
    readonly unit: 'sats';
    readonly price_sats_per_kwh: number | bigint;
    readonly amount_sats: number | bigint;
    readonly channel: 'ln';
    readonly settlement_status: 'pending';
    readonly ln_invoice_id: null;
    readonly bitcoin_txid: null;
  };
}

/**
 * What kwh-btc-iot's MQTT bridge makes of a message: an emlog document with `amount_sats` = energy × price,
 * multiplied as doubles and rounded half to even, as its clients compute it. The price is cut to an
 * integer. Pass the payload as text or bytes to have it read strictly. Throws `FormatError`:
 * `topic_unsupported`, `missing`, `float_parsing`, `int_parsing` and the like; what the emlog format
 * itself demands is left to it.
 */
export function bridgeKwhMessage(
  topic: string,
  payload: string | Uint8Array | object,
): BridgedEmlog {
  const levels = topic.split('/');
  if (levels.length !== 4 || levels[0] !== 'energy')
    throw new FormatError('topic_unsupported', `Unsupported topic format: ${topic}`);
  const source =
    typeof payload === 'string' || payload instanceof Uint8Array
      ? parseJson(payload, 'literal')
      : (payload as JsonTree);
  if (typeof source !== 'object' || source === null || Array.isArray(source))
    throw new FormatError('model_type', 'The message must be a JSON object');
  const members = source as { readonly [key: string]: JsonTree };
  const energy = double(member(members, 'energy_kwh'), 'energy_kwh');
  const price = wholeNumber(member(members, 'price_sats_per_kwh'));
  const product = energy * Number(price);
  if (!Number.isFinite(product))
    throw new FormatError('finite_number', 'energy_kwh × price_sats_per_kwh is beyond a double');
  return {
    schema_version: 'emlog-1.1',
    site_id: levels[1]!,
    iot_device_id: levels[2]!,
    meter_id: levels[3]!,
    ts_start: member(members, 'ts_start'),
    ts_end: member(members, 'ts_end'),
    interval_s: member(members, 'interval_s'),
    energy_kwh: energy,
    power_kw_avg: optional(members, 'power_kw_avg', null),
    status: optional(members, 'status', 'ok'),
    tags: optional(members, 'tags', []),
    tx: {
      unit: 'sats',
      price_sats_per_kwh: narrow(price),
      amount_sats: narrow(BigInt(roundHalfEven(product))),
      channel: 'ln',
      settlement_status: 'pending',
      ln_invoice_id: null,
      bitcoin_txid: null,
    },
  };
}

/** Nearest integer of a finite double; ties go to the even one (IEEE 754 roundTiesToEven, Python's `round`). */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction < 0.5) return floor;
  if (fraction > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Python's `float()`, of what a double holds exactly. */
function double(raw: JsonTree, path: string): number {
  return Number(floatLiteral(typeof raw === 'string' ? (pythonNumberText(raw) ?? '') : raw, path));
}

/** Python's `int()`: floats are cut, text must be an integer in decimal digits. */
function wholeNumber(raw: unknown): bigint {
  const path = 'price_sats_per_kwh';
  if (typeof raw === 'boolean') return raw ? 1n : 0n;
  if (typeof raw === 'bigint') return raw;
  if (typeof raw === 'string') {
    const text = pythonNumberText(raw) ?? '';
    if (text.length > 4300 || !/^[+-]?\d+$/.test(text))
      throw new FormatError('int_parsing', `${path} is not an integer`, path);
    return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text.replace('+', ''));
  }
  const literal =
    raw instanceof JsonNumber ? raw.literal : typeof raw === 'number' ? String(raw) : undefined;
  if (literal === undefined) throw new FormatError('int_type', `${path} must be a number`, path);
  if (literal.length <= 4300 && /^-?\d+$/.test(literal)) return BigInt(literal);
  const value = Number(floatLiteral(raw, path));
  return BigInt(Math.trunc(value));
}

function member(members: { readonly [key: string]: JsonTree }, name: string): JsonTree {
  if (!Object.hasOwn(members, name) || members[name] === undefined)
    throw new FormatError('missing', `${name} is missing`, name);
  return members[name];
}

function optional(
  members: { readonly [key: string]: JsonTree },
  name: string,
  fallback: JsonTree,
): JsonTree {
  return Object.hasOwn(members, name) && members[name] !== undefined ? members[name] : fallback;
}

function narrow(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}
