import type { Rejection } from './kwh_canonical_leaf.js';

/** Members of the reference's own example document, as JSON literals; what a refusal changes, it changes here. */
const EXAMPLE: Readonly<Record<string, string>> = {
  schema_version: '"emlog-1.1"',
  site_id: '"PLANT-01"',
  iot_device_id: '"gw-PLANT01-003"',
  meter_id: '"MTR-001"',
  ts_start: '"2025-12-01T10:10:00Z"',
  ts_end: '"2025-12-01T10:15:00Z"',
  interval_s: '300',
  energy_kwh: '12.34',
  power_kw_avg: '2.47',
  status: '"ok"',
  tags: '["peak"]',
};
const EXAMPLE_TX: Readonly<Record<string, string>> = {
  unit: '"sats"',
  price_sats_per_kwh: '100',
  amount_sats: '1234',
  channel: '"ln"',
  settlement_status: '"pending"',
  ln_invoice_id: 'null',
  bitcoin_txid: 'null',
};

/** Words that names use for members, the longer ones first. */
const MEMBER_WORDS: readonly (readonly [RegExp, string])[] = [
  [/price/, 'price_sats_per_kwh'],
  [/sats|amount/, 'amount_sats'],
  [/settlement/, 'settlement_status'],
  [/invoice/, 'ln_invoice_id'],
  [/txid/, 'bitcoin_txid'],
  [/channel/, 'channel'],
  [/unit/, 'unit'],
  [/\btx\b/, 'tx'],
  [/energy|kwh/, 'energy_kwh'],
  [/power/, 'power_kw_avg'],
  [/interval/, 'interval_s'],
  [/ts_end|\bend/, 'ts_end'],
  [/\bts\b|ts_start|time|date/, 'ts_start'],
  [/site/, 'site_id'],
  [/device/, 'iot_device_id'],
  [/meter/, 'meter_id'],
  [/tag/, 'tags'],
  [/status/, 'status'],
  [/schema|version/, 'schema_version'],
];

/** What names say about the value, the first that fits. */
const VALUE_WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bnan\b/i, 'NaN'],
  [/-\s*inf/i, '-Infinity'],
  [/\binf/i, 'Infinity'],
  [/\b(null|none)\b/i, 'null'],
  [/\bfalse\b/i, 'false'],
  [/\b(bool|true)/i, 'true'],
  [/(?<!not )\b(list|array)\b/i, '[]'],
  [/\b(object|dict)\b/i, '{}'],
  [/\bempty\b/i, '""'],
  [/\b(bad|invalid|garbage)\b/i, '"yesterday"'],
];

/**
 * The document a refusal without `input_json` speaks of, built from its name ("negative energy", "interval 300.0"); undefined when
 * the name is not understood. A wrong guess is seen: the refusal must name the member and the fault that the case names, and an
 * accepted document must have its bytes.
 */
export function refusalInput({ name, accepted, error, canonical }: Rejection): string | undefined {
  if (accepted && /\b(extra|unknown)\b/i.test(name))
    return text({ ...EXAMPLE, tx: text(EXAMPLE_TX), unknown: '1' });
  const path = error?.[0]?.[0] ?? [];
  const member =
    path.findLast((part) => typeof part === 'string') ??
    MEMBER_WORDS.find(([word]) => word.test(name))?.[1];
  if (member === undefined) return undefined;
  const values: Record<string, string> = { ...EXAMPLE };
  const tx: Record<string, string> = { ...EXAMPLE_TX };
  const home = member in tx ? tx : values;
  const code = error?.[0]?.[1] ?? '';
  const value = /\b(missing|no|without)\b/i.test(name)
    ? 'absent'
    : literalOf(name, accepted ? writtenValue(member, canonical) : undefined, code);
  if (value === undefined) return undefined;
  if (value === 'absent') delete home[member];
  else if (typeof path.at(-1) === 'number') home[member] = `[${value}]`;
  else home[member] = value;
  if (member !== 'tx') values['tx'] = text(tx);
  return text(values);
}

function text(members: Readonly<Record<string, string>>): string {
  return `{${Object.entries(members)
    .map(([name, value]) => `"${name}": ${value}`)
    .join(', ')}}`;
}

/** The value an accepted document has in the end, as JSON; undefined of a document that has no JSON form. */
function writtenValue(member: string, canonical = '{}'): string | undefined {
  if (/Infinity|NaN/.test(canonical)) return undefined;
  const document = JSON.parse(canonical) as { tx?: object };
  const value: unknown = { ...document, ...document.tx }[member as 'tx'];
  return value === undefined ? undefined : JSON.stringify(value);
}

function literalOf(name: string, written: string | undefined, code: string): string | undefined {
  const quoted = /"[^"]*"/.exec(name)?.[0];
  if (quoted !== undefined) return quoted;
  const number = /(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/.exec(name)?.[0];
  const isText = /\b(str|string|text)\b/i.test(name) || code === 'int_parsing';
  if (isText && (number ?? written) !== undefined)
    return `"${(number ?? written)!.replaceAll('"', '')}"`;
  if (number !== undefined) return number;
  const word = VALUE_WORDS.find(([pattern]) => pattern.test(name))?.[1];
  if (word !== undefined) return word;
  if (/negative/i.test(name)) return '-1';
  if (/zero/i.test(name)) return '0';
  if (isText) return '"abc"';
  if (/\b(float|fraction)/i.test(name)) return '1.5';
  if (/\b(int|integer|number|numeric)\b/i.test(name)) return '5';
  return written ?? CODE_LITERALS[code];
}

/** A value with that fault, when the words say nothing. */
const CODE_LITERALS: Readonly<Record<string, string>> = {
  string_type: '5',
  list_type: '"abc"',
  model_type: '"abc"',
  int_type: 'null',
  float_type: 'null',
  datetime_type: 'null',
  int_from_float: '1.5',
  int_parsing: '"abc"',
  float_parsing: '"abc"',
  greater_than: '-1',
  greater_than_equal: '-1',
  datetime_from_date_parsing: '"yesterday"',
};
