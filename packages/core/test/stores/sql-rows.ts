import { createHash } from 'node:crypto';
import type { CommittedRow, IngestRow, IssuedReceipts } from '../../src/ingestion/ingest.store.js';

/** A 15-minute interval every test may start from. */
export const QUARTER_MS = 900_000;
export const MORNING_MS = 1_795_000_500_000;

type Reading = NonNullable<IngestRow['reading']>;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A signed, accepted reading; its bytes, and with them its hash, follow from `text`. */
export function readingRow(
  text: string,
  change: Partial<Omit<IngestRow, 'reading'>> & { readonly reading?: Partial<Reading> } = {},
): IngestRow {
  const { reading, ...rest } = change;
  return {
    ...entryRow(text),
    type: 'reading',
    ...rest,
    reading: {
      fingerprint: sha256('meter-1'),
      siteId: 'site-1',
      deviceId: 'device-1',
      meterId: 'meter-1',
      startsMs: MORNING_MS,
      endsMs: MORNING_MS + QUARTER_MS,
      energies: [{ register: 'generation', energyUWh: 1_250_000_000n }],
      estimated: false,
      occupies: true,
      ...reading,
    },
  };
}

/** Something the log keeps that is no reading. Each call has an id of its own, as retries do. */
export function entryRow(text: string, change: Partial<IngestRow> = {}): IngestRow {
  counter += 1;
  return {
    id: `log_${sha256(`${text}/${counter}`).toString('hex').slice(0, 32)}`,
    accountId: 'account-1',
    source: 'external',
    type: 'note',
    format: 'reading/1',
    bytes: Buffer.from(text),
    logHash: sha256(`LOG::${text}`),
    salt: sha256(`salt ${text}`).subarray(0, 16),
    profile: 'rfc9162',
    merkleLeaf: sha256(`leaf ${text}`),
    assurance: 'device-signature',
    verdict: 'accepted',
    ruleSet: 'rules-1',
    receivedAtMs: MORNING_MS + 1,
    ...change,
  };
}
let counter = 0;

export function meter(name: string): Pick<Reading, 'fingerprint' | 'meterId'> {
  return { fingerprint: sha256(name), meterId: name };
}

/** Receipts whose leaves name the entry, so that a test can tell them apart. */
export function issueReceipts(
  rows: readonly { readonly row: IngestRow; readonly entryId: string }[],
): IssuedReceipts {
  return {
    committedAtMs: MORNING_MS + 2,
    includeByMs: MORNING_MS + 60_000,
    keyId: 'receipts-1',
    signature: Buffer.alloc(64, 7),
    root: sha256('root'),
    leaves: rows.map(({ row, entryId }) => sha256(`${entryId} ${row.verdict}`)),
  };
}

export const kinds = (committed: readonly CommittedRow[]): string[] =>
  committed.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.code : outcome.kind));
