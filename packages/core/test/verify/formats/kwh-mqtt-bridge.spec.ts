import { fromUtf8, utf8 } from '../../../src/verify/bytes.js';
import { canonicalize } from '../../../src/verify/formats/default-formats.js';
import type { FormatError } from '../../../src/verify/formats/format.js';
import { bridgeKwhMessage, roundHalfEven } from '../../../src/verify/formats/kwh-mqtt-bridge.js';

const TOPIC = 'energy/PLANT-01/gw-1/MTR-001';
const message = (changes: Readonly<Record<string, string>>): string =>
  `{${Object.entries({
    ts_start: '"2025-12-01T10:10:00Z"',
    ts_end: '"2025-12-01T10:15:00Z"',
    interval_s: '300',
    energy_kwh: '12.34',
    price_sats_per_kwh: '100',
    ...changes,
  })
    .map(([key, value]) => `"${key}":${value}`)
    .join(',')}}`;
const amount = (energy: string, price: string): number | bigint =>
  bridgeKwhMessage(TOPIC, message({ energy_kwh: energy, price_sats_per_kwh: price })).tx
    .amount_sats;
const refusal = (topic: string, payload: string | Uint8Array): string => {
  try {
    bridgeKwhMessage(topic, payload);
  } catch (error) {
    return (error as FormatError).code;
  }
  return 'accepted';
};

describe('the kwh-btc-iot MQTT bridge', () => {
  it('rounds the product of the doubles half to even', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 3.4999, 0].map(roundHalfEven)).toEqual([
      0, 2, 2, 0, -2, 3, 0,
    ]);
    expect(amount('12.345', '100')).toBe(1234);
    expect(amount('12.355', '100')).toBe(1236);
  });

  it('trims numbers in texts as Python does', () => {
    for (const space of ['\u0085', '\u00a0', '\u2028', '\t\u001c\u00a0'])
      for (const text of [`${space}7${space}`, `${space}0_7`].map((one) => JSON.stringify(one))) {
        expect(amount('2', text)).toBe(14);
        expect(amount(text, '2')).toBe(14);
      }
    // U+001C is white space only beside what is not ASCII; that is CPython's own way.
    for (const text of ['\ufeff7', '\u001c7', '7__0', '_7', '7_'].map((one) =>
      JSON.stringify(one),
    )) {
      expect(refusal(TOPIC, message({ price_sats_per_kwh: text }))).toBe('int_parsing');
      expect(refusal(TOPIC, message({ energy_kwh: text }))).toBe('float_parsing');
    }
    expect(refusal(TOPIC, message({ energy_kwh: '"1_.5"' }))).toBe('float_parsing');
  });

  it('reads the decimal digits of every script, as Python does', () => {
    for (const text of ['١٢', '１２', '१२', '\u{1d7cf}\u{1d7da}'].map((one) =>
      JSON.stringify(one),
    )) {
      expect(amount('2', text)).toBe(24);
      expect(amount(text, '2')).toBe(24);
    }
    expect(refusal(TOPIC, message({ price_sats_per_kwh: '"1²"' }))).toBe('int_parsing');
  });

  it('cuts the price to an integer and takes it from text', () => {
    expect(amount('1', '99.9')).toBe(99);
    expect(amount('1', '" 1_00 "')).toBe(100);
    expect(amount('"1.5"', 'true')).toBe(2);
  });

  it('keeps amounts beyond 2^53 exact', () => {
    expect(amount('1e10', '1000000000')).toBe(10_000_000_000_000_000_000n);
  });

  it('makes documents the emlog format reads, from text and from bytes', () => {
    const fromText = bridgeKwhMessage(TOPIC, message({ tags: '["peak"]', power_kw_avg: '-2.50' }));
    const fromBytes = bridgeKwhMessage(
      TOPIC,
      utf8(message({ tags: '["peak"]', power_kw_avg: '-2.50' })),
    );
    expect(fromBytes).toEqual(fromText);
    expect(fromUtf8(canonicalize('emlog-1.1', fromText))).toContain('"power_kw_avg":-2.5,');
  });

  it('refuses with a code', () => {
    expect(refusal('energy/a/b', message({}))).toBe('topic_unsupported');
    expect(refusal('power/a/b/c', message({}))).toBe('topic_unsupported');
    expect(refusal(TOPIC, '{}')).toBe('missing');
    expect(refusal(TOPIC, '[]')).toBe('model_type');
    expect(refusal(TOPIC, Uint8Array.of(0xff))).toBe('json_utf8');
    expect(refusal(TOPIC, message({ price_sats_per_kwh: '"99.9"' }))).toBe('int_parsing');
    expect(refusal(TOPIC, message({ price_sats_per_kwh: 'null' }))).toBe('int_type');
    expect(refusal(TOPIC, message({ energy_kwh: '"lots"' }))).toBe('float_parsing');
    expect(refusal(TOPIC, message({ energy_kwh: '1e300', price_sats_per_kwh: '1e300' }))).toBe(
      'finite_number',
    );
  });
});
