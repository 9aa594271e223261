import type { Journaled } from '../logs/journal.js';
import type { DeviceKey } from './device-key.js';
import type { MeterKey, StoredMeter } from './meter.store.js';

export const RECOVERY_STATES = ['open', 'approved', 'rejected', 'withdrawn'] as const;
export type RecoveryState = (typeof RECOVERY_STATES)[number];

/** An owner's wish for a new key in place of one that is lost. An admin of another account has to agree. */
export interface KeyRecovery {
  readonly id: string;
  readonly meterId: string;
  /** Of the owner who asked. */
  readonly accountId: string;
  /** Id of the owner's credential. */
  readonly askedBy: string;
  readonly key: DeviceKey;
  /** Highest epoch of the meter's keys when it was asked for: a rotation since then makes it void. */
  readonly epoch: number;
  readonly reason: string;
  readonly askedAtMs: number;
  /** From here on it cannot be approved any more. */
  readonly expiresAtMs: number;
  readonly state: RecoveryState;
  readonly decidedBy?: string;
  readonly decidedAtMs?: number;
}

/** What a change of keys is decided on; nothing of it changes until the change is written. */
export interface KeyScene {
  readonly meter: StoredMeter;
  /** The recovery that is open on the meter; it may have expired. */
  readonly recovery?: KeyRecovery;
}

/** A change of keys, with what the log says of it. */
export interface KeyChange {
  /** All keys of the meter afterwards, old ones in their places; absent: they stay as they are. */
  readonly keys?: readonly MeterKey[];
  /** Recoveries that are new or changed, in the order they are written. */
  readonly recoveries?: readonly KeyRecovery[];
  readonly said: Journaled;
}

export interface SequenceGapQuery {
  /** As in sequences: SHA-256 of the key's SPKI, hex. */
  readonly device: string;
  readonly epoch: number;
  /** Only numbers above. */
  readonly behind?: bigint;
  readonly limit: number;
}

/** Numbers of one key that never came, both ends included. */
export interface SequenceGap {
  readonly first: bigint;
  readonly last: bigint;
}

export interface SequenceGaps {
  /** Absent: no number was ever seen. */
  readonly lowest?: bigint;
  readonly highest?: bigint;
  /** Numbers between lowest and highest that came. */
  readonly seen: bigint;
  readonly items: readonly SequenceGap[];
  /** There are more behind the last one. */
  readonly more: boolean;
}

/** Port of the devices feature for what changes a meter's keys over time. */
export interface KeyStore {
  /**
   * Holds the meter still, asks `decide`, and writes its answer with what the log says of it, all in one transaction; it may
   * be asked again. Undefined when there is no such meter, or nothing to change. No reading under a key that this revokes
   * is accepted in a transaction that commits later. Rejects with what `decide` throws; nothing changed then.
   */
  change(
    meterId: string,
    decide: (scene: KeyScene) => KeyChange | undefined,
  ): Promise<KeyChange | undefined>;
  /** Newest first. */
  recoveries(query: {
    readonly state?: RecoveryState;
    readonly accountId?: string;
    readonly meterId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly KeyRecovery[]; readonly cursor?: string }>;
  /** Missing numbers between the lowest and the highest that was seen, lowest first. */
  sequenceGaps(query: SequenceGapQuery): Promise<SequenceGaps>;
  /** How many numbers are missing among the `newest` ones that came of each key of each meter, and of how many keys. */
  missing(newest: number): Promise<{ readonly keys: number; readonly numbers: bigint }>;
}
