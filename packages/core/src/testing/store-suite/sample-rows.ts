import { createHash } from 'node:crypto';
import type { EntrySignature, IngestRow } from '../../ingestion/ingest.store.js';

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** The hash of every canonical entry: SHA-256("LOG::" ‖ bytes). */
export function logHashOf(bytes: Uint8Array): Uint8Array {
  return sha256(text('LOG::'), bytes);
}

type Reading = NonNullable<IngestRow['reading']>;

export interface RowChoices extends Partial<Omit<IngestRow, 'reading'>> {
  readonly reading?: Partial<Reading>;
}

/** Start of the first sample interval. */
const FIRST_MS = 1_750_000_000_000;
export const QUARTER_MS = 900_000;

let count = 0;

/** A number no other sample has. */
export function unique(): number {
  count += 1;
  return count;
}

export function meterFingerprint(name = `meter ${unique()}`): Uint8Array {
  return sha256(text(name));
}

export function entryId(): string {
  return `log_${Buffer.from(sha256(text(`entry ${unique()}`))).toString('hex', 0, 16)}`;
}

/**
 * A signed quarter-hour generation reading, accepted, of a meter of its own. Whatever is chosen replaces its
 * part; the hash follows the bytes.
 */
export function sampleReading(choices: RowChoices = {}): IngestRow {
  const { reading, ...rest } = choices;
  const row = sampleEntry({ type: 'reading', format: 'reading/1', ...rest });
  return {
    ...row,
    reading: {
      fingerprint: meterFingerprint(),
      siteId: 'site-1',
      deviceId: 'device-1',
      meterId: 'meter-1',
      startsMs: FIRST_MS,
      endsMs: FIRST_MS + QUARTER_MS,
      energies: [{ register: 'generation', energyUWh: 250_000_000n }],
      estimated: false,
      occupies: row.assurance === 'device-signature' && row.verdict !== 'quarantined',
      ...reading,
    },
  };
}

/** Readings of one meter in successive quarter hours. */
export function quarterHours(howMany: number, choices: RowChoices = {}): IngestRow[] {
  const fingerprint = choices.reading?.fingerprint ?? meterFingerprint();
  return Array.from({ length: howMany }, (_, i) =>
    sampleReading({
      ...choices,
      reading: {
        ...choices.reading,
        fingerprint,
        startsMs: FIRST_MS + i * QUARTER_MS,
        endsMs: FIRST_MS + (i + 1) * QUARTER_MS,
      },
    }),
  );
}

/** An entry that is no reading. */
export function sampleEntry(choices: Partial<Omit<IngestRow, 'reading'>> = {}): IngestRow {
  const bytes = choices.bytes ?? text(`{"sample":${unique()}}`);
  const logHash = logHashOf(bytes);
  const salt = choices.salt ?? sha256(text(`salt ${unique()}`)).slice(0, 16);
  return {
    id: entryId(),
    accountId: 'account-1',
    source: 'external',
    type: 'audit',
    format: 'audit/1',
    bytes,
    logHash,
    salt,
    profile: 'rfc9162',
    merkleLeaf: sha256(Uint8Array.of(0), salt, logHash),
    assurance: 'device-signature',
    verdict: 'accepted',
    ruleSet: 'rules-1',
    receivedAtMs: 1_760_000_000_000,
    ...choices,
  };
}

export function sampleSignature(): EntrySignature {
  return {
    alg: 'Ed25519',
    keyId: '0011223344556677',
    publicKey: sha256(text('public key')),
    value: new Uint8Array(64).fill(7),
    batch: {
      nonce: new Uint8Array(16).fill(9),
      index: 1,
      count: 3,
      path: [sha256(text('sibling 0')), sha256(text('sibling 1'))],
    },
  };
}

/** The same bytes sent again: another arrival, another id, another salt. */
export function sentAgain(row: IngestRow, choices: RowChoices = {}): IngestRow {
  const { reading, ...rest } = choices;
  const salt = sha256(text(`salt ${unique()}`)).slice(0, 16);
  return {
    ...row,
    id: entryId(),
    salt,
    merkleLeaf: sha256(Uint8Array.of(0), salt, row.logHash),
    ...rest,
    ...(row.reading === undefined ? {} : { reading: { ...row.reading, ...reading } }),
  };
}
