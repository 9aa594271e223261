import fc from 'fast-check';
import { fromUtf8 } from '../../../src/verify/bytes.js';
import { canonicalize, readDocument } from '../../../src/verify/formats/default-formats.js';
import type { FormatError, ReadingFacts } from '../../../src/verify/formats/format.js';

const BASE: Readonly<Record<string, string>> = {
  site_id: '"PLANT-01"',
  iot_device_id: '"gw-1"',
  meter_id: '"MTR-001"',
  ts_start: '"2025-12-01T10:10:00Z"',
  ts_end: '"2025-12-01T10:15:00Z"',
  interval_s: '300',
  energy_kwh: '12.34',
  tx: '{"price_sats_per_kwh":100,"amount_sats":1234}',
};

function text(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const members = Object.entries({ ...BASE, ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  return `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
}

const canonical = (json: string | object): string => fromUtf8(canonicalize('emlog-1.1', json));
const member = (name: string, literal: string): unknown =>
  (JSON.parse(canonical(text({ [name]: literal }))) as Record<string, unknown>)[name];
const facts = (changes: Readonly<Record<string, string | undefined>>): ReadingFacts =>
  readDocument('emlog-1.1', text(changes)).reading!;

function refusal(json: string | object): [string, string | undefined] {
  try {
    canonicalize('emlog-1.1', json);
  } catch (error) {
    return [(error as FormatError).code, (error as FormatError).path];
  }
  return ['accepted', undefined];
}

describe('emlog-1.1', () => {
  const documents = fc.record(
    {
      site_id: fc.string({ unit: 'binary' }),
      iot_device_id: fc.string({ unit: 'binary' }),
      meter_id: fc.string({ unit: 'grapheme-ascii' }),
      ts_start: fc.constantFrom(
        '2025-12-01T10:10:00Z',
        '2025-12-01 10:10:00.5+0700',
        1_764_583_800,
      ),
      ts_end: fc.constantFrom('2025-12-01', '2025-12-01T10:15:00.123456Z', 1_764_583_800_123),
      interval_s: fc.integer({ min: 1 }),
      energy_kwh: fc.double({ min: 0, max: 1e12, noNaN: true }),
      power_kw_avg: fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true })),
      status: fc.constantFrom('ok', 'estimated', 'error'),
      tags: fc.array(fc.string({ unit: 'binary' })),
      tx: fc.record({
        price_sats_per_kwh: fc.nat(),
        amount_sats: fc.maxSafeNat(),
        ln_invoice_id: fc.option(fc.string()),
      }),
    },
    { noNullPrototype: true },
  );

  it('gives the same bytes for an object, its text, its text with spaces and its members reversed', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const bytes = canonical(document);
        // JSON.stringify writes -0 as 0.
        const parsed = bytes.replaceAll(/:-0\.0(?!\d)/g, ':0.0');
        expect(canonical(JSON.stringify(document))).toBe(parsed);
        expect(canonical(JSON.stringify(document, undefined, 2))).toBe(parsed);
        expect(canonical(Object.fromEntries(Object.entries(document).toReversed()))).toBe(bytes);
      }),
    );
  });

  it('leaves canonical bytes as they are', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const bytes = canonical(document);
        expect(canonical(bytes)).toBe(bytes);
      }),
    );
  });

  it('writes printable ASCII only', () => {
    fc.assert(
      fc.property(documents, (document) => {
        expect(canonical(document)).toMatch(/^[ -~]*$/);
      }),
    );
  });

  it('fills in defaults and drops unknown members', () => {
    expect(canonical(text({ x: '{"deep":[1]}', price_sats_per_kwh: '7' }))).toBe(canonical(text()));
    expect(canonical(text())).toContain('"power_kw_avg":null,"schema_version":"emlog-1.1"');
  });

  it('refuses what strict JSON refuses, also in members it drops', () => {
    expect(refusal(text().replace('{', '{"meter_id":"x",'))[0]).toBe('json_duplicate_key');
    expect(refusal(text({ x: '{"a":1,"a":1}' }))[0]).toBe('json_duplicate_key');
    expect(refusal(text({ site_id: String.raw`"\ud800"` }))[0]).toBe('json_lone_surrogate');
    expect(refusal(`${text()} {}`)[0]).toBe('json_trailing_data');
    expect(refusal(text({ energy_kwh: 'NaN' }))[0]).toBe('json_syntax');
  });

  it('refuses lone surrogates and inexact integers in objects too', () => {
    const object = JSON.parse(text()) as Record<string, unknown>;
    expect(refusal({ ...object, site_id: '\udc00' })[0]).toBe('json_lone_surrogate');
    expect(refusal({ ...object, interval_s: 2 ** 53 })).toEqual([
      'json_number_precision',
      'interval_s',
    ]);
    expect(refusal({ ...object, energy_kwh: Number.NaN })).toEqual(['finite_number', 'energy_kwh']);
    expect(canonical({ ...object, interval_s: 2n ** 64n })).toContain('18446744073709551616');
  });

  it('refuses numbers a double field would round, and never rounds an integer field', () => {
    for (const literal of ['9007199254740993', '0.1000000000000000055', '"12.340000000000000001"'])
      expect(refusal(text({ energy_kwh: literal }))).toEqual([
        'json_number_precision',
        'energy_kwh',
      ]);
    expect(refusal(text({ interval_s: '9007199254740993.0' }))[0]).toBe('json_number_precision');
    expect(canonical(text({ interval_s: '9007199254740993' }))).toContain('9007199254740993');
    expect(canonical(text({ interval_s: '9223372036854774784.0' }))).toContain(
      '9223372036854774784,',
    );
  });

  it('refuses infinities however they are spelled', () => {
    for (const literal of ['1e400', '"Infinity"', '"-inf"', '"nan"', '"1e400"'])
      expect(refusal(text({ power_kw_avg: literal }))[0]).toBe('finite_number');
  });

  it('names the member that is wrong', () => {
    expect(refusal(text({ tx: undefined }))).toEqual(['missing', 'tx']);
    expect(refusal(text({ tx: '{"price_sats_per_kwh":1,"amount_sats":-1}' }))).toEqual([
      'greater_than_equal',
      'tx.amount_sats',
    ]);
    expect(refusal(text({ tags: '["a",1]' }))).toEqual(['string_type', 'tags.1']);
    expect(refusal(text({ meter_id: 'null' }))).toEqual(['string_type', 'meter_id']);
    expect(refusal('[]')).toEqual(['model_type', undefined]);
    expect(refusal([])[0]).toBe('model_type');
  });

  it('reads 8.2 kWh as 8 200 000 000 µWh and rounds down what is finer', () => {
    const energy = (literal: string): bigint =>
      facts({ energy_kwh: literal }).energies[0]!.energyUWh;
    expect(energy('8.2')).toBe(8_200_000_000n);
    expect(energy('"8.20"')).toBe(8_200_000_000n);
    expect(energy('1e-9')).toBe(1n);
    expect(energy('1.9999999999')).toBe(1_999_999_999n);
    expect(energy('9e-10')).toBe(0n);
    expect(energy('-0.0')).toBe(0n);
    expect(energy('1e22')).toBe(10n ** 31n);
  });

  it('extracts facts without judging them', () => {
    const reading = facts({
      ts_start: '"2025-12-01T17:10:00.9999+07:00"',
      ts_end: '"1969-12-31T23:59:59.5"',
      meter_id: String.raw`"\u0000"`,
      status: '"estimated"',
    });
    expect(reading).toEqual({
      siteId: 'PLANT-01',
      deviceId: 'gw-1',
      meterId: '\u0000',
      startsMs: Date.UTC(2025, 11, 1, 10, 10, 0, 999),
      endsMs: -500,
      energies: [{ register: 'consumption', energyUWh: 12_340_000_000n }],
      estimated: true,
    });
  });

  it('counts the days of every month from year 1 to 9999 as Date does', () => {
    for (let year = 1; year < 10_000; year += 37)
      for (let month = 1; month <= 12; month += 1) {
        const date = new Date(0);
        date.setUTCFullYear(year, month - 1, 1);
        const iso = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-01`;
        expect(facts({ ts_start: `"${iso}"` }).startsMs).toBe(date.getTime());
        // Numbers up to 2e10 are seconds, so milliseconds reach every year only beyond 1970 ± 231 days.
        if (Math.abs(date.getTime()) > 2e10)
          expect(member('ts_start', String(date.getTime()))).toBe(`${iso}T00:00:00Z`);
      }
  });
});
