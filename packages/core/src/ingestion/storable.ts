import { MAX_ENERGY_UWH } from '../verify/formats/energy.js';
import type { ReadingFacts } from '../verify/formats/format.js';
import { isPointReading } from './point-reading.js';
import { Refusal } from './refusal.js';

const MAX_INT64 = (1n << 63n) - 1n;
/** Years 0001 to 9999: what RFC 3339 can write. */
const EARLIEST_MS = -62_135_596_800_000;
const LATEST_MS = 253_402_300_799_999;

function refuse(detail: string): Refusal {
  return new Refusal('not_storable', detail);
}

/**
 * Step: what no database column can hold, or would hold as something else, is refused here. A statement that fails for
 * the sake of one row would cost the whole group.
 */
export function checkStorable(
  format: string,
  reading: ReadingFacts,
  idBytes: number,
): Refusal | undefined {
  const { siteId, deviceId, meterId, startsMs, endsMs, energies, sequence } = reading;
  if (meterId === '') return refuse('the meter id is empty');
  return (
    checkId('site', siteId, idBytes) ??
    checkId('device', deviceId, idBytes) ??
    checkId('meter', meterId, idBytes) ??
    checkInterval(format, { startsMs, endsMs }) ??
    checkAmounts(energies, sequence) ??
    checkSupersedes(reading.supersedes)
  );
}

function checkId(name: string, id: string, idBytes: number): Refusal | undefined {
  if (id.includes('\u0000')) return refuse(`the ${name} id contains U+0000`);
  // A UTF-16 unit is at most three bytes of UTF-8.
  if (id.length * 3 <= idBytes || Buffer.byteLength(id) <= idBytes) return undefined;
  return refuse(`the ${name} id has ${Buffer.byteLength(id)} bytes, at most ${idBytes} are kept`);
}

function checkInterval(
  format: string,
  interval: Pick<ReadingFacts, 'startsMs' | 'endsMs'>,
): Refusal | undefined {
  const { startsMs, endsMs } = interval;
  for (const ms of [startsMs, endsMs]) {
    if (!Number.isInteger(ms)) return refuse(`the instant ${ms} ms is not a whole millisecond`);
    if (ms < EARLIEST_MS || ms > LATEST_MS) return refuse(`the instant ${ms} ms is out of range`);
  }
  if (startsMs < endsMs || isPointReading(format, interval)) return undefined;
  return refuse(`the interval must start before it ends, got ${startsMs} ms to ${endsMs} ms`);
}

function checkAmounts(
  energies: ReadingFacts['energies'],
  sequence: bigint | undefined,
): Refusal | undefined {
  if (energies.length === 0) return refuse('the reading states no energy');
  for (const { register, energyUWh } of energies)
    if (energyUWh < 0n || energyUWh > MAX_ENERGY_UWH)
      return refuse(`register ${register} has ${energyUWh} µWh, not 0 to ${MAX_ENERGY_UWH}`);
  if (sequence !== undefined && (sequence < 0n || sequence > MAX_INT64))
    return refuse(`the sequence number ${sequence} does not fit int64`);
  return undefined;
}

function checkSupersedes(supersedes: string | undefined): Refusal | undefined {
  if (supersedes === undefined || /^[0-9a-f]{64}$/.test(supersedes)) return undefined;
  return refuse('"supersedes" must be 64 lower-case hex digits');
}
