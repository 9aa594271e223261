import { deviceOfKey, type Authentication } from './authenticate.js';
import { fingerprintOfMeterId } from '../devices/meter-fingerprint.js';
import { atLeast, type Assurance } from '../logs/verdict.js';
import type { BatchProfile, Sha256 } from '../verify/contracts.js';
import { fromHex } from '../verify/bytes.js';
import { leafHash } from '../verify/tree-hashing.js';
import type { ReadItem } from './authenticator.js';
import type { IngestRow } from './ingest.store.js';
import type { Judgement } from './judge.js';

/** Random bytes of one row: 16 for the id, 16 for the salt. */
export const ROW_RANDOM_BYTES = 32;

/** What is the same for every row of a message. */
export interface RowContext {
  readonly profile: BatchProfile;
  readonly ruleSet: string;
  readonly receivedAtMs: number;
  readonly minAssurance: Assurance;
  /** Whose entries they are when no registered meter says so. */
  readonly account: string;
  readonly sha256: Sha256;
}

/** What the steps before came to. */
export interface Judged {
  readonly item: ReadItem;
  readonly authentication: Authentication;
  readonly judgement: Judgement;
}

const NO_SALT = new Uint8Array(0);

/** Last pure step: the row that asks the database. `random` holds `ROW_RANDOM_BYTES`. */
export function buildRow(judged: Judged, context: RowContext, random: Uint8Array): IngestRow {
  const { item, authentication, judgement } = judged;
  const { document, logHash } = item;
  const { verdict, reason } = judgement;
  const { profile, sha256 } = context;
  const { meter, signature, assurance } = authentication;
  const salt = profile === 'rfc9162' ? random.slice(16, 32) : NO_SALT;
  return {
    id: `log_${Buffer.from(random.subarray(0, 16)).toString('hex')}`,
    accountId: meter?.accountId ?? context.account,
    source: 'external',
    type: 'reading',
    format: document.format,
    bytes: document.bytes,
    logHash,
    salt,
    profile,
    merkleLeaf: leafHash(profile, logHash, salt, sha256),
    assurance,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    ruleSet: context.ruleSet,
    receivedAtMs: context.receivedAtMs,
    ...(signature === undefined ? {} : { signature }),
    reading: readingOf(judged, context),
  };
}

function readingOf(
  { item, authentication, judgement }: Judged,
  { minAssurance }: RowContext,
): NonNullable<IngestRow['reading']> {
  const { meter, key, assurance } = authentication;
  const { siteId, deviceId, meterId, startsMs, endsMs, energies, estimated, sequence, supersedes } =
    item.reading;
  return {
    fingerprint: meter?.fingerprint ?? fingerprintOfMeterId(meterId),
    siteId,
    deviceId,
    meterId,
    startsMs,
    endsMs,
    energies,
    estimated,
    occupies: judgement.verdict !== 'quarantined' && atLeast(assurance, minAssurance),
    // Without a signature a sequence number is anybody's word and no evidence of equivocation.
    ...(sequence === undefined || key === undefined
      ? {}
      : { sequence: { device: deviceOfKey(key), epoch: key.epoch, number: sequence } }),
    ...(supersedes === undefined ? {} : { supersedes: fromHex(supersedes) }),
  };
}
