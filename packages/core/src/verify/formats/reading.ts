import { utf8 } from '../bytes.js';
import { decimalOf } from '../json/number-literal.js';
import { parseJson } from '../json/parse.js';
import type { JsonTree } from '../json/reader.js';
import { canonicalJsonBytes } from '../rfc8785.js';
import { checkClosedObject, count, oneOf, optional, required, text } from './closed-object.js';
import type { DocumentCodec } from './codec.js';
import { MAX_ENERGY_KWH, MAX_ENERGY_UWH, microWattHours } from './energy.js';
import type { CanonicalDocument, MeasuredEnergy } from './format.js';
import { FormatError } from './format.js';
import { UTC_MS_FORM, utcMilliseconds } from './utc-milliseconds.js';

/** Longest site, device or meter id, in UTF-8 bytes. */
export const MAX_ID_BYTES = 256;
/** Longest decimal string, in characters. */
const MAX_DECIMAL_LENGTH = 40;

const id = (value: JsonTree): string | undefined => {
  const fits =
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_ID_BYTES &&
    !value.includes('\u0000') &&
    // A UTF-16 unit is at most three bytes of UTF-8.
    (value.length * 3 <= MAX_ID_BYTES || utf8(value).length <= MAX_ID_BYTES);
  return fits ? undefined : `a string of 1 to ${MAX_ID_BYTES} UTF-8 bytes without U+0000`;
};

const instant = (value: JsonTree): string | undefined =>
  typeof value === 'string' && utcMilliseconds(value) !== undefined ? undefined : UTC_MS_FORM;

const energy = (value: JsonTree): string | undefined => {
  if (typeof value !== 'string' || value.length > MAX_DECIMAL_LENGTH || !AMOUNT.test(value))
    return 'a decimal string ≥ 0 such as "12.34"';
  // Nine digits and a point are less than the most.
  if (value.search(/\.|$/) <= 9) return undefined;
  const over =
    microWattHours(value) > MAX_ENERGY_UWH ||
    (microWattHours(value) === MAX_ENERGY_UWH && decimalOf(value).exponent < -9);
  return over ? `at most ${MAX_ENERGY_KWH} kWh` : undefined;
};

const measure = (value: JsonTree): string | undefined =>
  typeof value === 'string' && value.length <= MAX_DECIMAL_LENGTH && SIGNED_AMOUNT.test(value)
    ? undefined
    : 'a decimal string such as "-2.5"';

const AMOUNT = /^(?:0|[1-9]\d*)(?:\.\d+)?$/;
const SIGNED_AMOUNT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

const SCHEMA = Object.freeze({
  v: required(oneOf('reading/1')),
  site: required(id),
  device: required(id),
  meter: required(id),
  start: required(instant),
  end: required(instant),
  seq: optional(count),
  import_kwh: optional(energy),
  export_kwh: optional(energy),
  generation_kwh: optional(energy),
  status: optional(oneOf('ok', 'estimated', 'error')),
  supersedes: optional(text(/^[0-9a-f]{64}$/, '64 lower-case hex digits')),
  generated_kwh: optional(measure),
  consumed_kwh: optional(measure),
  surplus_kwh: optional(measure),
  deficit_kwh: optional(measure),
  battery_level_pct: optional(measure),
  temperature_c: optional(measure),
  voltage_v: optional(measure),
  current_a: optional(measure),
  power_kw: optional(measure),
});

const REGISTERS = [
  ['import', 'import_kwh'],
  ['export', 'export_kwh'],
  ['generation', 'generation_kwh'],
] as const;

/**
 * `reading/1`: what a meter measured from `start` to `end` (equal for a point reading). RFC 8785, a
 * closed schema, amounts as decimal strings, times in UTC with milliseconds; at least one of
 * `import_kwh`, `export_kwh`, `generation_kwh`. An absent `status` means ok.
 */
export const reading: DocumentCodec = Object.freeze({
  name: 'reading/1',
  read(json: string): CanonicalDocument {
    const document = checkClosedObject(parseJson(json, 'exact'), SCHEMA);
    const member = (name: string): string | undefined => document[name] as string | undefined;
    const startsMs = utcMilliseconds(member('start')!)!;
    const endsMs = utcMilliseconds(member('end')!)!;
    if (endsMs < startsMs)
      throw new FormatError('interval_reversed', 'end must not lie before start', 'end');
    const energies: MeasuredEnergy[] = [];
    for (const [register, name] of REGISTERS) {
      const amount = member(name);
      if (amount !== undefined) energies.push({ register, energyUWh: microWattHours(amount) });
    }
    if (energies.length === 0)
      throw new FormatError(
        'energy_missing',
        'At least one of import_kwh, export_kwh and generation_kwh must be given',
      );
    const sequence = document['seq'] as number | undefined;
    const supersedes = member('supersedes');
    return {
      format: 'reading/1',
      bytes: canonicalJsonBytes(document),
      reading: {
        siteId: member('site')!,
        deviceId: member('device')!,
        meterId: member('meter')!,
        startsMs,
        endsMs,
        energies,
        estimated: member('status') === 'estimated',
        ...(sequence === undefined ? {} : { sequence: BigInt(sequence) }),
        ...(supersedes === undefined ? {} : { supersedes }),
      },
    };
  },
});
