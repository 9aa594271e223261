import { canonicalize, fromUtf8, utf8 } from '@wattproof/core/verify';
import { readPayload } from '../../src/payloads/read-payload.js';
import { PRESETS } from '../../src/topics/presets.js';
import { TopicMaps } from '../../src/topics/topic-maps.js';

const topic = new TopicMaps([PRESETS['kwh-btc-iot']]).inbound('energy/PLANT-01/gw-1/MTR-001')!;

/** The energy in the bytes that are hashed, of a message with this literal. */
function hashedEnergy(literal: string): string | undefined {
  const payload = utf8(
    `{"ts_start":"2025-12-01T10:10:00Z","ts_end":"2025-12-01T10:15:00Z","interval_s":300,"energy_kwh":${literal},"price_sats_per_kwh":100}`,
  );
  const [act] = readPayload({ payload, atMs: 0 }, topic);
  if (act?.kind !== 'readings') return undefined;
  const [, document = ''] = /^\{"format":"emlog-1\.1","document":(.*)\}$/s.exec(
    fromUtf8(act.bytes),
  )!;
  return /"energy_kwh":([^,]*),/.exec(fromUtf8(canonicalize('emlog-1.1', document)))?.[1];
}

describe('a message of a gateway of kwh-btc-iot', () => {
  // What CPython's json, its float() and its repr make of these.
  it.each([
    ['-0.0', '-0.0'],
    ['"-0"', '-0.0'],
    ['-0', '0.0'],
    ['0', '0.0'],
    ['5', '5.0'],
    ['1e22', '1e+22'],
    ['1e-7', '1e-07'],
    ['"1_000.5"', '1000.5'],
    ['"١٢"', '12.0'],
    ['123456789012345680', '1.2345678901234568e+17'],
  ])('with energy %s is hashed with %s', (literal, hashed) => {
    expect(hashedEnergy(literal)).toBe(hashed);
  });
});
