import { concat, toHex, uint32be, uint64be, utf8 } from '../bytes.js';
import type { Sha256 } from '../contracts.js';
import { MAX_SIGNED_BATCH } from '../device-signing.js';
import { sha256 as pureSha256 } from '../sha256.js';
import { HASH_BYTES } from '../tree-hashing.js';
import { EnvelopeError } from './envelope-error.js';

/** What a `batch/2` signs besides its readings: where it stands in the chain of the key's batches. */
export interface ChainPlace {
  /** Hash of the batch before; 32 zeros for the first of a chain. */
  readonly previous: Uint8Array;
  /** Sequence numbers of the first and of the last reading; there are last − first + 1, in order. */
  readonly first: bigint;
  readonly last: bigint;
}

const HEADER_BYTES = HASH_BYTES + 16;
const MAX_SEQUENCE = (1n << 63n) - 1n;

function invalid(what: string): EnvelopeError {
  return new EnvelopeError('batch_chain_invalid', what);
}

/** previous ‖ uint64be(first) ‖ uint64be(last), as bundles keep it. */
export function chainHeader({ previous, first, last }: ChainPlace): Uint8Array {
  return concat(previous, uint64be(first), uint64be(last));
}

/** Throws `batch_chain_invalid`. */
export function readChainHeader(header: Uint8Array): ChainPlace {
  if (header.length !== HEADER_BYTES)
    throw invalid(`the place in a chain has ${HEADER_BYTES} bytes, got ${header.length}`);
  const number = (at: number): bigint => BigInt(`0x${toHex(header.subarray(at, at + 8))}`);
  return {
    previous: header.slice(0, HASH_BYTES),
    first: number(HASH_BYTES),
    last: number(HASH_BYTES + 8),
  };
}

/**
 * What a device signs for a batch of its chain:
 * `wattproof/reading-batch/v2\n` ‖ key id ‖ `\n` ‖ uint32be(count) ‖ root ‖ previous ‖ uint64be(first) ‖ uint64be(last).
 * Throws `batch_chain_invalid`.
 */
export function chainedBatchMessage(
  keyId: string,
  count: number,
  root: Uint8Array,
  place: ChainPlace,
): Uint8Array {
  const { previous, first, last } = place;
  if (!/^[0-9a-f]{16}$/.test(keyId)) throw invalid('the key id is not 16 lower-case hex digits');
  if (!Number.isInteger(count) || count < 1 || count > MAX_SIGNED_BATCH)
    throw invalid(`a signed batch has 1 … ${MAX_SIGNED_BATCH} readings, got ${count}`);
  if (root.length !== HASH_BYTES || previous.length !== HASH_BYTES)
    throw invalid('the root and the hash of the batch before have 32 bytes');
  if (first < 0n || last > MAX_SEQUENCE || last - first + 1n !== BigInt(count))
    throw invalid(`readings ${first} to ${last} are not ${count}`);
  return concat(
    utf8(`wattproof/reading-batch/v2\n${keyId}\n`),
    uint32be(count),
    root,
    chainHeader(place),
  );
}

/** What the next batch names as the one before: SHA-256 of the signed message. */
export function chainHash(message: Uint8Array, sha256: Sha256 = pureSha256): Uint8Array {
  return sha256(message);
}
