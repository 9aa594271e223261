import { devices, HOSTILE_NOW_MS, type HostileBody } from './hostile-scene.js';

/** Documents: JSON strictness, numbers, timestamps, ids, rules. Signed correctly wherever they have canonical bytes. */
export function hostileDocuments(): readonly HostileBody[] {
  const { active, rated } = devices;
  const now = HOSTILE_NOW_MS;
  const day = 86_400_000;
  // A document without canonical bytes cannot be signed; any signature will do, for it is never reached.
  const anySignature = active.signature('reading/1', active.reading(now));
  const broken = (
    name: string,
    document: string | object,
    code: string,
    format = 'reading/1',
  ): HostileBody => {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const signature = JSON.stringify(anySignature);
    return {
      name: `${format}: ${name}`,
      body: `{"format":"${format}","document":${text},"signature":${signature}}`,
      expect: { verdict: 'rejected', code, status: 400 },
    };
  };
  const ruled = (
    name: string,
    document: object,
    code: string,
    format = 'reading/1',
    verdict: 'rejected' | 'quarantined' = 'rejected',
    device = active,
  ): HostileBody => ({
    name: `${format}: ${name}`,
    body: JSON.stringify(device.signed(document, format)),
    expect: { verdict, code, status: verdict === 'rejected' ? 422 : 202 },
  });
  const reading = (more: object): object => active.reading(now, more);
  const text = (from: string, to: string): string => {
    const changed = JSON.stringify(active.reading(now)).replace(from, to);
    if (!changed.includes(to)) throw new Error(`"${from}" does not occur`);
    return changed;
  };
  const without = (name: string): object => ({ ...active.reading(now), [name]: undefined });
  const emlog = (more: object): object => active.emlog(now, more);
  const emlogText = (from: string, to: string): string => {
    const changed = JSON.stringify(active.emlog(now)).replace(from, to);
    if (!changed.includes(to)) throw new Error(`"${from}" does not occur`);
    return changed;
  };
  const interval = (startMs: number, endMs: number): object => ({
    start: new Date(startMs).toISOString(),
    end: new Date(endMs).toISOString(),
  });
  return [
    broken('a list as document', '[]', 'model_type'),
    broken('a string as document', '"x"', 'model_type'),
    broken('null as document', 'null', 'model_type'),
    broken('an empty document', '{}', 'missing'),
    broken('a member twice', text('{', '{"site":"site-2",'), 'json_duplicate_key'),
    broken(
      'a member twice, once escaped',
      text('{', '{"s\\u0069te":"site-2",'),
      'json_duplicate_key',
    ),
    broken('mismatched brackets', '{"v":"reading/1","site":[1}}', 'json_syntax'),
    broken('a comment', text('{', '{/**/'), 'json_syntax'),
    broken('NaN', text('"1.25"', 'NaN'), 'json_syntax'),
    broken('Infinity', text('"1.25"', 'Infinity'), 'json_syntax'),
    broken('a hexadecimal number', text('"1.25"', '0x10'), 'json_syntax'),
    broken('a leading zero', text('"1.25"', '01'), 'json_syntax'),
    broken('a leading plus', text('"1.25"', '+1'), 'json_syntax'),
    broken('a bare fraction', text('"1.25"', '.5'), 'json_syntax'),
    broken('a lone surrogate', text('"site-1"', '"\\ud800"'), 'json_lone_surrogate'),
    broken(
      'a reversed surrogate pair',
      text('"site-1"', '"\\udc00\\ud800"'),
      'json_lone_surrogate',
    ),
    broken('a raw line feed in a string', text('"site-1"', '"a\nb"'), 'json_control_character'),
    broken('a bad escape', text('"site-1"', '"\\q"'), 'json_bad_escape'),
    broken(
      '65 levels of nesting',
      text('"site-1"', `${'['.repeat(65)}${']'.repeat(65)}`),
      'json_too_deep',
    ),
    broken('energy as a number', reading({ import_kwh: 1.25 }), 'member_invalid'),
    broken('energy with an exponent', reading({ import_kwh: '1e3' }), 'member_invalid'),
    broken('energy with a comma', reading({ import_kwh: '1,25' }), 'member_invalid'),
    broken('energy with a space', reading({ import_kwh: ' 1.25' }), 'member_invalid'),
    broken('negative energy', reading({ import_kwh: '-1' }), 'member_invalid'),
    broken('energy in other digits', reading({ import_kwh: '١' }), 'member_invalid'),
    broken('energy of 41 digits', reading({ import_kwh: '9'.repeat(41) }), 'member_invalid'),
    broken('energy above 9 × 10⁹ kWh', reading({ import_kwh: '9000000001' }), 'member_invalid'),
    broken(
      'energy a hair above 9 × 10⁹ kWh',
      reading({ import_kwh: '9000000000.0000000001' }),
      'member_invalid',
    ),
    broken('no energy at all', { ...without('import_kwh') }, 'energy_missing'),
    broken('no meter', without('meter'), 'missing'),
    broken('no start', without('start'), 'missing'),
    broken('an unknown member', reading({ extra: 1 }), 'unknown_member'),
    broken('__proto__ as a member', text('{', '{"__proto__":{"meter":"x"},'), 'unknown_member'),
    broken('another version', reading({ v: 'reading/2' }), 'member_invalid'),
    broken('an empty meter id', reading({ meter: '' }), 'member_invalid'),
    broken('a meter id of 257 bytes', reading({ meter: 'm'.repeat(257) }), 'member_invalid'),
    broken(
      'a meter id of 258 bytes in 86 characters',
      reading({ meter: '€'.repeat(86) }),
      'member_invalid',
    ),
    broken('a meter id with U+0000', reading({ meter: 'a\u0000b' }), 'member_invalid'),
    broken('a meter id that is a number', reading({ meter: 7 }), 'member_invalid'),
    broken('a sequence number below zero', reading({ seq: -1 }), 'member_invalid'),
    broken('a fractional sequence number', reading({ seq: 1.5 }), 'member_invalid'),
    broken(
      'sequence number 2^53 + 1',
      text('{', '{"seq":9007199254740993,'),
      'json_number_precision',
    ),
    broken('sequence number 1e400', text('{', '{"seq":1e400,'), 'json_number_overflow'),
    broken('an unknown status', reading({ status: 'fine' }), 'member_invalid'),
    broken('supersedes in capitals', reading({ supersedes: 'A'.repeat(64) }), 'member_invalid'),
    broken(
      'a timestamp without zone',
      reading({ start: '2026-11-21T11:45:00.000' }),
      'member_invalid',
    ),
    broken(
      'a timestamp with an offset',
      reading({ start: '2026-11-21T12:45:00.000+01:00' }),
      'member_invalid',
    ),
    broken(
      'a timestamp without milliseconds',
      reading({ start: '2026-11-21T11:45:00Z' }),
      'member_invalid',
    ),
    broken('30 February', reading({ start: '2026-02-30T11:45:00.000Z' }), 'member_invalid'),
    broken(
      '29 February of a common year',
      reading({ start: '2025-02-29T11:45:00.000Z' }),
      'member_invalid',
    ),
    broken('hour 24', reading({ start: '2026-11-20T24:00:00.000Z' }), 'member_invalid'),
    broken('a leap second', reading({ start: '2026-06-30T23:59:60.000Z' }), 'member_invalid'),
    broken('a timestamp as a number', reading({ start: 1_763_725_500 }), 'member_invalid'),
    broken(
      'an interval that ends before it starts',
      reading(interval(now, now - 1)),
      'interval_reversed',
    ),
    ruled(
      'supersedes an unknown entry',
      reading({ supersedes: 'a'.repeat(64) }),
      'supersedes_unknown',
    ),
    ruled('60,001 ms ahead', active.reading(now + 60_001), 'in_future'),
    ruled('a year ahead', active.reading(now + 365 * day), 'in_future'),
    ruled('year 9999', reading(interval(now, Date.UTC(9999, 11, 31))), 'in_future'),
    ruled('7 days and 1 ms old', active.reading(now - 7 * day - 1), 'too_old'),
    ruled('of 1970', active.reading(900_000), 'too_old'),
    ruled(
      'a point reading of 0 kWh',
      reading({ ...interval(now, now), import_kwh: '0' }),
      'energy_out_of_range',
    ),
    ruled(
      'a point reading of a hair above 100 kWh',
      reading({ ...interval(now, now), import_kwh: '100.000000001' }),
      'energy_out_of_range',
    ),
    ruled(
      '4.2 kW × 15 min and 1 µWh on a 4 kW meter',
      rated.reading(now, { import_kwh: '1.050000001' }),
      'energy_above_rating',
      'reading/1',
      'quarantined',
      rated,
    ),
    broken('a list as document', '[]', 'model_type', 'emlog-1.1'),
    broken('no tx', { ...emlog({}), tx: undefined }, 'missing', 'emlog-1.1'),
    broken('tx as a list', emlog({ tx: [] }), 'model_type', 'emlog-1.1'),
    broken('negative energy', emlog({ energy_kwh: -0.001 }), 'greater_than_equal', 'emlog-1.1'),
    broken('interval_s 0', emlog({ interval_s: 0 }), 'greater_than', 'emlog-1.1'),
    broken(
      'negative sats',
      emlog({ tx: { price_sats_per_kwh: -1, amount_sats: 1 } }),
      'greater_than_equal',
      'emlog-1.1',
    ),
    broken('tags as a string', emlog({ tags: 'peak' }), 'list_type', 'emlog-1.1'),
    broken('site_id as a number', emlog({ site_id: 1 }), 'string_type', 'emlog-1.1'),
    broken('a member twice', emlogText('{', '{"energy_kwh":1,'), 'json_duplicate_key', 'emlog-1.1'),
    broken(
      'an unknown member twice',
      emlogText('{', '{"x":1,"x":1,'),
      'json_duplicate_key',
      'emlog-1.1',
    ),
    broken(
      'energy with more digits than a double has',
      emlogText('12.34', '0.1000000000000000055511151231257827'),
      'json_number_precision',
      'emlog-1.1',
    ),
    broken('energy 1e400', emlogText('12.34', '1e400'), 'finite_number', 'emlog-1.1'),
    broken('energy 1e-400', emlogText('12.34', '1e-400'), 'json_number_precision', 'emlog-1.1'),
    ruled(
      'energy above 9 × 10⁹ kWh',
      emlog({ energy_kwh: 9_000_000_001 }),
      'not_storable',
      'emlog-1.1',
    ),
    broken(
      '13th month',
      emlog({ ts_start: '2026-13-01T00:00:00Z' }),
      'datetime_from_date_parsing',
      'emlog-1.1',
    ),
    broken(
      'ts_end as a word',
      emlog({ ts_end: 'noon' }),
      'datetime_from_date_parsing',
      'emlog-1.1',
    ),
    ruled(
      'an empty interval',
      emlog({ ts_start: new Date(now).toISOString() }),
      'not_storable',
      'emlog-1.1',
    ),
    ruled(
      'an interval that ends before it starts',
      emlog({ ts_start: new Date(now + 1).toISOString() }),
      'not_storable',
      'emlog-1.1',
    ),
    ruled('a site id with U+0000', emlog({ site_id: 'a\u0000b' }), 'not_storable', 'emlog-1.1'),
    ruled(
      'a device id of 257 bytes',
      emlog({ iot_device_id: 'd'.repeat(257) }),
      'not_storable',
      'emlog-1.1',
    ),
    ruled('60,001 ms ahead', active.emlog(now + 60_001), 'in_future', 'emlog-1.1'),
    ruled('7 days and 1 ms old', active.emlog(now - 7 * day - 1), 'too_old', 'emlog-1.1'),
  ];
}
