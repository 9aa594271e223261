import type { IngestRow } from '../../ingestion/ingest.store.js';

const INT64_MAX = 2n ** 63n - 1n;
const HASH_BYTES = 32;

/**
 * Why a row cannot be kept by a store, or undefined when it can. The same limits as PostgreSQL's text,
 * int8 and int8range, so that what this store keeps can move there.
 */
export function notStorable(row: IngestRow): string | undefined {
  const texts: (readonly [string, string | undefined])[] = [
    ['id', row.id],
    ['accountId', row.accountId],
    ['type', row.type],
    ['format', row.format],
    ['reason', row.reason],
    ['ruleSet', row.ruleSet],
    ['reading.siteId', row.reading?.siteId],
    ['reading.deviceId', row.reading?.deviceId],
    ['reading.meterId', row.reading?.meterId],
    ['reading.sequence.device', row.reading?.sequence?.device],
  ];
  for (const [name, text] of texts)
    if (text?.includes('\0')) return `${name} holds U+0000, which no text column can keep`;
  // One leaf of another length would shift every leaf behind it in the sealed tree.
  for (const [name, hash] of [
    ['logHash', row.logHash],
    ['merkleLeaf', row.merkleLeaf],
    ['reading.fingerprint', row.reading?.fingerprint],
  ] as const)
    if (hash !== undefined && hash.length !== HASH_BYTES)
      return `${name} has ${hash.length} bytes instead of ${HASH_BYTES}`;
  if (!Number.isSafeInteger(row.receivedAtMs)) return 'receivedAtMs is not a whole number of ms';
  const reading = row.reading;
  if (reading === undefined) return undefined;
  if (!Number.isSafeInteger(reading.startsMs) || !Number.isSafeInteger(reading.endsMs))
    return 'the interval is not in whole ms';
  if (reading.startsMs > reading.endsMs)
    return `the interval ends (${reading.endsMs}) before it starts (${reading.startsMs})`;
  for (const { register, energyUWh } of reading.energies) {
    if (register.includes('\0')) return 'a register name holds U+0000';
    if (energyUWh > INT64_MAX || energyUWh < 0n)
      return `${energyUWh} µWh on register ${register} does not fit an int64`;
  }
  const number = reading.sequence?.number;
  if (number !== undefined && (number < 0n || number > INT64_MAX))
    return `sequence number ${number} does not fit an int64`;
  return undefined;
}
