import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { fromUtf8 } from '../../../src/verify/bytes.js';
import { fromBase58, toBase58 } from '../../../src/verify/base58.js';
import { readDocument } from '../../../src/verify/formats/default-formats.js';
import { run } from '../../../src/testing/vectors/gridtokenx_meter_signature.js';

const NAME = 'gridtokenx-meter/1';
const DOCUMENT = {
  meter_serial: 'METER-123',
  timestamp: '2025-12-03T04:00:00+00:00',
  kwh_amount: '5.123456',
  wallet: 'GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB',
};

const withAmount = (literal: string): string =>
  JSON.stringify({ ...DOCUMENT, kwh_amount: '?' }).replace('"?"', literal);
const amountOf = (literal: string): string =>
  /kwh_amount: (.*)\n/.exec(fromUtf8(readDocument(NAME, withAmount(literal)).bytes))![1]!;
const code = (json: string): string => {
  try {
    readDocument(NAME, json);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('gridtokenx-meter/1', () => {
  it('has the messages and signatures of the vectors', () => {
    const file = new URL('../../../../../vectors/gridtokenx_meter_signature.json', import.meta.url);
    const results = [...run(JSON.parse(readFileSync(file, 'utf8')))];
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(results).toHaveLength(18);
  });

  it('writes the amount with exactly six decimals, from the digits of its literal', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['5', '5.000000'],
      ['"8.2"', '8.200000'],
      ['8.2', '8.200000'],
      ['0', '0.000000'],
      ['1e1', '10.000000'],
      ['1.5e-5', '0.000015'],
      ['"0.1"', '0.100000'],
      ['123456789.123456', '123456789.123456'],
    ];
    for (const [literal, expected] of cases) expect(amountOf(literal)).toBe(expected);
  });

  it.each([
    ['5.1234567', 'amount_precision'],
    ['"5.1234560"', 'amount_precision'],
    ['1e-7', 'amount_precision'],
    ['-1', 'member_invalid'],
    ['"-0.5"', 'member_invalid'],
    ['10000000000', 'member_invalid'],
    ['1e300', 'member_invalid'],
    ['"+5"', 'member_invalid'],
    ['".5"', 'member_invalid'],
    ['"5."', 'member_invalid'],
    ['" 5"', 'member_invalid'],
    ['true', 'member_invalid'],
    ['null', 'member_invalid'],
  ])('refuses the amount %s with %s', (literal, expected) => {
    expect(code(withAmount(literal))).toBe(expected);
  });

  it.each([
    ['a line feed in the serial', { meter_serial: 'METER\nwallet: x' }, 'member_invalid'],
    ['no serial', { meter_serial: '' }, 'member_invalid'],
    ['a date without an offset', { timestamp: '2025-12-03T04:00:00' }, 'member_invalid'],
    ['a day that does not exist', { timestamp: '2025-02-29T04:00:00Z' }, 'member_invalid'],
    ['a leap second', { timestamp: '2016-12-31T23:59:60Z' }, 'member_invalid'],
    ['a member more', { power: 1 }, 'unknown_member'],
    ['a wallet that is no text', { wallet: 5 }, 'member_invalid'],
  ])('refuses %s', (_, change, expected) => {
    expect(code(JSON.stringify({ ...DOCUMENT, ...change }))).toBe(expected);
  });

  it('covers the quarter of an hour before its timestamp, and credits generation', () => {
    const { reading } = readDocument(
      NAME,
      JSON.stringify({ ...DOCUMENT, timestamp: '2025-12-03T05:00:00.2509+01:00' }),
    );
    expect(reading).toMatchObject({
      meterId: 'METER-123',
      startsMs: Date.parse('2025-12-03T03:45:00.250Z'),
      endsMs: Date.parse('2025-12-03T04:00:00.250Z'),
      energies: [{ register: 'generation', energyUWh: 5_123_456_000n }],
    });
  });

  it('keeps the timestamp as it was written, and reads its own message back', () => {
    const timestamp = fc
      .tuple(fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }), fc.boolean())
      .map(([date, z]) => date.toISOString().replace('Z', z ? 'Z' : '+00:00'));
    const words = fc.stringMatching(/^[ -~]{1,40}$/);
    fc.assert(
      fc.property(words, words, timestamp, fc.nat(99_999_999), (serial, wallet, time, micro) => {
        const kwh = (micro / 1e6).toFixed(6);
        const json = JSON.stringify({
          meter_serial: serial,
          timestamp: time,
          kwh_amount: kwh,
          wallet,
        });
        const { bytes, reading } = readDocument(NAME, json);
        const text = fromUtf8(bytes);
        expect(text).toContain(`\ntimestamp: ${time}\n`);
        expect(readDocument(NAME, text)).toEqual({ format: NAME, bytes, reading });
      }),
      { numRuns: 100 },
    );
  });
});

describe('base58', () => {
  it('reads back what it writes, leading zeros too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70, minLength: 1 }), (bytes) => {
        expect(fromBase58(toBase58(bytes))).toEqual(bytes);
      }),
    );
  });

  it('reads no other letters and no long text', () => {
    for (const text of ['', '0', 'O', 'I', 'l', 'a b', '+', '1'.repeat(129)])
      expect(fromBase58(text)).toBeUndefined();
  });
});
