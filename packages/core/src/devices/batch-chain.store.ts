import type { Journaled } from '../logs/journal.js';
import type { SignatureAlgorithm } from '../verify/spki.js';
import type { StoredMeter } from './meter.store.js';

/** A batch that a device signed as the one behind another: what proves that no reading between its numbers is missing. */
export interface ChainedBatch {
  /** SHA-256 of the key's SPKI, hex, and the epoch of the key: sequence numbers are counted per both. */
  readonly device: string;
  readonly epoch: number;
  readonly keyId: string;
  readonly alg: SignatureAlgorithm;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  /** Sequence numbers of the first and of the last reading; there are last − first + 1. */
  readonly first: bigint;
  readonly last: bigint;
  /** Root of the readings' tree. */
  readonly root: Uint8Array;
  /** Hash of the batch before; 32 zeros where a chain begins. */
  readonly previous: Uint8Array;
  /** SHA-256 of the signed message: what the next batch names. */
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly receivedAtMs: number;
}

/** `gap`: the batch before is not here; `newest` is what the chain ends with. `fork`: `rival` holds some of its numbers, and says something else. */
export type ChainOutcome =
  | { readonly kind: 'began' | 'extended' | 'known' }
  | { readonly kind: 'gap'; readonly newest?: ChainedBatch }
  | { readonly kind: 'fork'; readonly rival: ChainedBatch };

/** Two batches that one key signed over the same numbers. */
export interface ChainFork {
  readonly batch: ChainedBatch;
  /** The one that stands in the chain. */
  readonly rival: ChainedBatch;
}

/** Port of the devices feature: the chains of signed batches, one per (device, epoch). */
export interface BatchChainStore {
  /** Puts a batch behind the one it names, or says why it cannot stand there. Of two that race for a place one wins. */
  extend(batch: ChainedBatch): Promise<ChainOutcome>;
  /**
   * Keeps a fork as evidence and suspends minting of every meter that has, or had, the key in that epoch, in one transaction with what
   * `say` has the log say of those that were not suspended yet. A fork that is known changes nothing: it may be sent again after an
   * operator has looked at it. The meters that were suspended.
   */
  noteFork(
    fork: ChainFork,
    say: (meters: readonly StoredMeter[]) => Journaled,
  ): Promise<readonly StoredMeter[]>;
  /** Batches with readings from `first` to `last`, in their order; at most `limit`. */
  list(
    device: string,
    epoch: number,
    range: { readonly first: bigint; readonly last: bigint; readonly limit: number },
  ): Promise<readonly ChainedBatch[]>;
}
