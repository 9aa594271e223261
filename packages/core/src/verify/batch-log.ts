import { concat, fromHex, fromUtf8, toHex, utf8 } from './bytes.js';
import type { BatchProfile, Sha256 } from './contracts.js';
import { appendToFrontier, frontierRoot, type Frontier } from './merkle-frontier.js';
import { isOrigin } from './origin.js';
import { canonicalJson } from './rfc8785.js';
import { sha256 as pureSha256 } from './sha256.js';
import { HASH_BYTES } from './tree-hashing.js';

/** Version of the metadata's form, its member `v`. */
export const BATCH_METADATA_VERSION = 'wattproof.batch/1';
/** Most entries one batch may hold. */
export const MAX_BATCH_ENTRIES = 2 ** 20;
/** Longest metadata that is looked at, in bytes. */
export const MAX_BATCH_METADATA_BYTES = 4096;

/** `prev` of the first batch. */
export const NO_PREVIOUS_LEAF: Uint8Array = new Uint8Array(HASH_BYTES);

/** What a batch says about itself; the batch log commits to it beside the batch's root. */
export interface BatchMetadata {
  /** Entries in the batch: the size of its tree. */
  readonly count: number;
  /** Position of its first entry in the whole log. */
  readonly first: number;
  /** Its leaf index in the batch log: 0, 1, 2, … */
  readonly number: number;
  readonly origin: string;
  /** Batch log leaf before it, 32 bytes; `NO_PREVIOUS_LEAF` for batch 0. */
  readonly prev: Uint8Array;
  readonly profile: BatchProfile;
  readonly sealedAtMs: number;
}

/** Batch metadata that is not exactly what it must be. */
export class BatchMetadataError extends Error {
  override readonly name = 'BatchMetadataError';
  readonly code = 'bad_batch_metadata';
}

const MEMBERS = ['count', 'first', 'number', 'origin', 'prev', 'profile', 'sealed_at', 'v'];
/** 9999-12-31T23:59:59.999Z, the last instant RFC 3339 can write. */
const LAST_MS = 253_402_300_799_999;

function refuse(message: string): never {
  throw new BatchMetadataError(message);
}

function check(metadata: BatchMetadata): BatchMetadata {
  const { count, first, number, origin, prev, profile, sealedAtMs } = metadata;
  if (!Number.isInteger(count) || count < 1 || count > MAX_BATCH_ENTRIES)
    refuse(`count ${count} is not 1 … ${MAX_BATCH_ENTRIES}`);
  if (!Number.isSafeInteger(first) || first < 0) refuse(`first ${first} is not 0 … 2^53 - 1`);
  if (!Number.isSafeInteger(number) || number < 0) refuse(`number ${number} is not 0 … 2^53 - 1`);
  if (!isOrigin(origin)) refuse(`origin ${JSON.stringify(origin)} is not a checkpoint origin`);
  if (prev.length !== HASH_BYTES) refuse(`prev has ${prev.length} bytes instead of 32`);
  if (number === 0 && prev.some((byte) => byte !== 0)) refuse('prev of batch 0 is not zero');
  if (number === 0 && first !== 0) refuse('batch 0 does not begin at position 0');
  if (profile !== 'rfc9162' && profile !== 'kwh-btc-iot')
    refuse(`unknown profile ${String(profile)}`);
  if (!Number.isInteger(sealedAtMs) || sealedAtMs < 0 || sealedAtMs > LAST_MS)
    refuse(`sealed_at ${sealedAtMs} is no millisecond RFC 3339 can write`);
  return metadata;
}

/** The bytes M of a batch's metadata: RFC 8785 of exactly its eight members. Throws `bad_batch_metadata`. */
export function batchMetadataBytes(metadata: BatchMetadata): Uint8Array {
  const { count, first, number, origin, prev, profile, sealedAtMs } = check(metadata);
  return utf8(
    canonicalJson({
      count,
      first,
      number,
      origin,
      prev: toHex(prev),
      profile,
      sealed_at: new Date(sealedAtMs).toISOString(),
      v: BATCH_METADATA_VERSION,
    }),
  );
}

/**
 * Reads metadata bytes. Only the canonical form is metadata: other member orders, white space, members
 * missing or added, other number or time forms are all refused. Throws `bad_batch_metadata`.
 */
export function parseBatchMetadata(bytes: Uint8Array): BatchMetadata {
  if (bytes.length > MAX_BATCH_METADATA_BYTES)
    refuse(`${bytes.length} bytes are more than the ${MAX_BATCH_METADATA_BYTES} allowed`);
  let text: string;
  let value: unknown;
  try {
    text = fromUtf8(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new BatchMetadataError('batch metadata is not strict JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse('batch metadata is not an object');
  const members = value as Record<string, unknown>;
  const keys = Object.keys(members).toSorted();
  if (keys.length !== MEMBERS.length || keys.some((key, i) => key !== MEMBERS[i]))
    refuse(`members are ${keys.join(', ')} instead of ${MEMBERS.join(', ')}`);
  const { count, first, number, origin, prev, profile, sealed_at: sealedAt, v } = members;
  if (v !== BATCH_METADATA_VERSION) refuse(`v is ${JSON.stringify(v)}`);
  if (typeof prev !== 'string' || !/^[0-9a-f]{64}$/.test(prev)) refuse('prev is not 64 hex digits');
  if (typeof sealedAt !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(sealedAt))
    refuse('sealed_at is not RFC 3339 with milliseconds and Z');
  const metadata = check({
    count: count as number,
    first: first as number,
    number: number as number,
    origin: typeof origin === 'string' ? origin : refuse('origin is not a string'),
    prev: fromHex(prev),
    profile: profile as BatchProfile,
    sealedAtMs: Date.parse(sealedAt),
  });
  if (fromUtf8(batchMetadataBytes(metadata)) !== text)
    refuse('batch metadata is not in its canonical form');
  return metadata;
}

/** Leaf of the batch log, 32 bytes: SHA-256(0x00 ‖ SHA-256(M) ‖ batch root). */
export function batchLogLeaf(
  metadata: Uint8Array,
  batchRoot: Uint8Array,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  return sha256(concat(Uint8Array.of(0), sha256(metadata), batchRoot));
}

/** A batch appended to the batch log. */
export interface AppendedBatch {
  readonly metadata: Uint8Array;
  readonly leaf: Uint8Array;
  /** Root of the batch log with this batch in it. */
  readonly root: Uint8Array;
  readonly frontier: Frontier;
}

/**
 * Appends a batch: its number is the frontier's size. Throws `bad_batch_metadata`, `bad_size`.
 */
export function appendBatch(
  frontier: Frontier,
  batch: Omit<BatchMetadata, 'number'> & { readonly root: Uint8Array },
  sha256: Sha256 = pureSha256,
): AppendedBatch {
  const { root: batchRoot, ...rest } = batch;
  const metadata = batchMetadataBytes({ ...rest, number: frontier.size });
  const leaf = batchLogLeaf(metadata, batchRoot, sha256);
  const grown = appendToFrontier(frontier, leaf, sha256);
  return { metadata, leaf, root: frontierRoot(grown, sha256), frontier: grown };
}
