import type { Authentication } from './authenticate.js';
import { fingerprintOfMeterId } from '../devices/meter-fingerprint.js';
import { ownerAt } from '../devices/meter-ownership.js';
import type { MeterKey } from '../devices/meter.store.js';
import { atLeast, type Assurance } from '../logs/verdict.js';
import type { BatchProfile } from '../verify/contracts.js';
import { fromHex } from '../verify/bytes.js';
import { flatLeaves } from '../verify/merkle-levels.js';
import { HASH_BYTES, leafHashes, type Hashing } from '../verify/tree-hashing.js';
import type { ReadItem } from './authenticator.js';
import { claimantOf } from './cross-owner-rule.js';
import type { IngestRow } from './ingest.store.js';
import { verdictInputs } from './verdict-inputs.js';
import type { Judgement } from './judge.js';

/** Of the id and of the salt of a row. */
const RANDOM_BYTES = 16;

/** What is the same for every row of a message. */
export interface RowContext {
  readonly profile: BatchProfile;
  readonly ruleSet: string;
  readonly receivedAtMs: number;
  readonly minAssurance: Assurance;
  /** Whose entries they are when no registered meter says so. */
  readonly account: string;
  /** Whether that is what the sender's credential says. Who sends without one claims no meter. */
  readonly named: boolean;
  /** Whether they may be of any age. */
  readonly backfill: boolean;
  readonly hashing: Hashing;
  readonly random: (length: number) => Uint8Array;
  /** How late a sequence number may come; absent: however late. */
  readonly sequenceWindow?: bigint;
  /** What sequences know a key by. */
  readonly deviceOf: (key: MeterKey) => string;
}

/** What the steps before came to. */
export interface Judged {
  readonly item: ReadItem;
  readonly authentication: Authentication;
  readonly judgement: Judgement;
}

const NO_SALT = new Uint8Array(0);

/** Last pure step: the rows that ask the database, in order. */
export function buildRows(all: readonly Judged[], context: RowContext): IngestRow[] {
  if (all.length === 0) return [];
  const { profile, hashing, random } = context;
  const ids = Buffer.from(random(all.length * RANDOM_BYTES)).toString('hex');
  const salts = profile === 'rfc9162' ? random(all.length * RANDOM_BYTES) : NO_SALT;
  const logHashes = flatLeaves(all.map(({ item }) => item.logHash));
  const leaves = leafHashes(profile, logHashes, salts, hashing);
  return all.map((judged, i) =>
    buildRow(judged, context, {
      id: `log_${ids.slice(i * 2 * RANDOM_BYTES, (i + 1) * 2 * RANDOM_BYTES)}`,
      salt: salts.subarray(i * RANDOM_BYTES, (i + 1) * RANDOM_BYTES),
      merkleLeaf: leaves.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
    }),
  );
}

function buildRow(
  judged: Judged,
  context: RowContext,
  own: Pick<IngestRow, 'id' | 'salt' | 'merkleLeaf'>,
): IngestRow {
  const { item, authentication, judgement } = judged;
  const { document, logHash } = item;
  const { verdict, reason } = judgement;
  const { meter, key, signature, assurance } = authentication;
  return {
    id: own.id,
    accountId:
      meter === undefined ? context.account : ownerAt(meter, item.reading.startsMs).accountId,
    source: 'external',
    type: 'reading',
    format: document.format,
    bytes: document.bytes,
    logHash,
    salt: own.salt,
    profile: context.profile,
    merkleLeaf: own.merkleLeaf,
    assurance,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    ruleSet: context.ruleSet,
    inputs: verdictInputs(authentication, { ms: context.receivedAtMs, backfill: context.backfill }),
    receivedAtMs: context.receivedAtMs,
    ...(signature === undefined ? {} : { signature }),
    ...(meter === undefined || key === undefined
      ? {}
      : { speaker: { meterId: meter.meterId, publicKey: key.publicKey } }),
    reading: readingOf(judged, context),
  };
}

function readingOf(
  { item, authentication, judgement }: Judged,
  { minAssurance, named, account, deviceOf, sequenceWindow }: RowContext,
): NonNullable<IngestRow['reading']> {
  const { meter, key, signature, assurance } = authentication;
  const { siteId, deviceId, meterId, startsMs, endsMs, energies, estimated, sequence, supersedes } =
    item.reading;
  // Nobody has to say whose a registered meter is, and who names nobody claims none.
  const { wallet } = item.reading;
  const claims = meter === undefined && (named || wallet !== undefined);
  const claimant = claims ? claimantOf(wallet, account) : undefined;
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
    ...(sequence === undefined || key === undefined || signature === undefined
      ? {}
      : {
          sequence: {
            device: deviceOf(key),
            epoch: key.epoch,
            number: sequence,
            ...(sequenceWindow === undefined ? {} : { window: sequenceWindow }),
          },
        }),
    ...(supersedes === undefined ? {} : { supersedes: fromHex(supersedes) }),
    ...(claimant === undefined ? {} : { claimant }),
  };
}
