import type { SignatureAlgorithm } from '../verify/spki.js';
import type { Journaled } from '../logs/journal.js';
import type { MeterNameplate } from './meter-fingerprint.js';
import type { MeterLocation } from './meter-location.js';
import type { Ownership } from './meter-ownership.js';
import type { MeterRegister } from './meter-registers.js';
import type { AcceptTransfer, MeterTransfer, TransferOutcome } from './meter-transfer.js';

export type MeterState = 'pending' | 'active' | 'suspended' | 'retired';

export interface MeterKey {
  readonly keyId: string;
  readonly alg: SignatureAlgorithm;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  readonly epoch: number;
  /** It speaks for readings that start from here on. */
  readonly validFromMs: number;
  /** Once it is replaced: only for readings that start before. */
  readonly validToMs?: number;
  /** From here on nothing that arrives counts under it, nor what states a later time. */
  readonly revokedAtMs?: number;
  /** The operator who said that it is the meter's. Absent: its device signed a challenge. */
  readonly statedBy?: string;
  /** Of a stated key: when a reading that it signed first came. */
  readonly provenAtMs?: number;
}

/** Why the energy of a meter is frozen while the meter itself goes on. */
export type MintingSuspension = { readonly atMs: number } & (
  | {
      readonly reason: 'sequence_equivocation';
      /** The entry that gave cause. */
      readonly entryId: string;
    }
  | {
      readonly reason: 'chain_fork';
      /** Hash of the batch that gave cause, hex. */
      readonly batch: string;
    }
);

/** A registered meter with its newest owner (`ownerAt` says whose it is at an instant). */
export interface StoredMeter extends Ownership {
  readonly meterId: string;
  readonly deviceId?: string;
  readonly siteId?: string;
  readonly fingerprint: Uint8Array;
  readonly nameplate?: MeterNameplate;
  readonly location?: MeterLocation;
  readonly state: MeterState;
  /** True once it was let in. A registration that was turned down never was, and holds nothing. */
  readonly admitted?: boolean;
  readonly ratingW?: number;
  /** Absent: those a meter has when its registration names none. */
  readonly registers?: readonly MeterRegister[];
  /** Why nothing of it may be minted, certified or sold, until an operator says otherwise. Its readings are still taken. */
  readonly mintingSuspended?: MintingSuspension;
  readonly keys: readonly MeterKey[];
  readonly registeredAtMs: number;
}

export interface GapQuery {
  readonly fingerprint: Uint8Array;
  readonly register: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Only gaps that begin later. */
  readonly behindMs?: number;
  readonly limit: number;
}

/** A stretch of time between two readings of a register that none covers. */
export interface MeterGap {
  readonly startsMs: number;
  readonly endsMs: number;
  /** About how many readings are missing, by the usual distance of those around. */
  readonly missing: number;
}

export interface ReceivedQuery {
  readonly meterId: string;
  /** Only this account's readings. */
  readonly accountId?: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Readings of a meter by verdict. */
export interface ReceivedReadings {
  /** Of whatever was received, whenever it was measured. */
  readonly lastReceivedAtMs?: number;
  readonly lastEndsMs?: number;
  readonly accepted: number;
  readonly flagged: number;
  readonly quarantined: number;
}

/** Port of the devices feature. `said`: what the log says of a change, committed with it and only if it happens. */
export interface MeterStore {
  /**
   * `meter_taken` when id or fingerprint exists. One that was turned down (`retired`, never let in) holds nothing and is
   * replaced: else a stranger's claim would keep the owner away for good.
   */
  register(meter: StoredMeter, said: Journaled): Promise<'registered' | 'meter_taken'>;
  /** Writes what the log says of a registration that was refused; nothing else changes. */
  noteClaim(said: Journaled): Promise<void>;
  /** The meters whose id or fingerprint a registration would take. */
  holders(wanted: Pick<StoredMeter, 'meterId' | 'fingerprint'>): Promise<readonly StoredMeter[]>;
  get(meterId: string): Promise<StoredMeter | undefined>;
  /**
   * Every meter with one of these ids, and every meter that has, or once had, a key with one of these key ids: one device key may
   * speak for several meters. Each meter once, by id. One question to the database whatever their number.
   */
  find(wanted: {
    readonly meterIds: readonly string[];
    readonly keyIds: readonly string[];
  }): Promise<readonly StoredMeter[]>;
  list(query: {
    readonly state?: MeterState;
    /** Only of this newest owner. */
    readonly accountId?: string;
    /** Only those that are, were, or are about to be this account's. */
    readonly everOwnedBy?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredMeter[]; readonly cursor?: string }>;
  /** `onlyOf`: only while this is the meter's newest owner. */
  setState(
    meterId: string,
    from: MeterState,
    to: MeterState,
    said: Journaled,
    onlyOf?: string,
  ): Promise<boolean>;
  /** Lets the energy of the meter be claimed again. False when nothing kept it from that. */
  resumeMinting(meterId: string, said: Journaled): Promise<boolean>;
  /**
   * Says anew what the meter's registers are. `in_use` when one with readings would come to mean something else, or go;
   * `changed_meanwhile` when they are not `from` any more.
   */
  setRegisters(
    meterId: string,
    change: {
      readonly from: readonly MeterRegister[] | undefined;
      readonly to: readonly MeterRegister[];
    },
    said: Journaled,
  ): Promise<'changed' | 'in_use' | 'changed_meanwhile'>;
  /** Offers the meter to another account. An offer that has expired makes room. */
  offerTransfer(transfer: MeterTransfer, said: Journaled): Promise<TransferOutcome>;
  /**
   * Hands the meter over: in the same transaction the former owner's time ends and the new one's begins. `say` is given the
   * transfer as it is done.
   */
  acceptTransfer(
    acceptance: AcceptTransfer,
    say: (transfer: MeterTransfer) => Journaled,
  ): Promise<TransferOutcome>;
  /** Takes an open offer back, or turns it down. Undefined when there is none of this id. */
  withdrawTransfer(
    transferId: string,
    atMs: number,
    said: Journaled,
  ): Promise<MeterTransfer | undefined>;
  /**
   * Gives readings to whose they are, of meters handed over since then: one may have been judged before its meter changed
   * hands, by a process that had not heard of it, and committed after. How many it were.
   */
  settleOwners(acceptedSinceMs: number): Promise<number>;
  transfer(transferId: string): Promise<MeterTransfer | undefined>;
  /** Newest offers first; `accountId`: those made by it or to it. */
  transfers(query: {
    readonly accountId?: string;
    readonly meterId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly MeterTransfer[]; readonly cursor?: string }>;
  /**
   * Times in which no reading holds an interval of the register, between the first and the last one within
   * `[fromMs, toMs)`, oldest first. Points are late when one and a half of their usual distance has passed.
   */
  gaps(query: GapQuery): Promise<readonly MeterGap[]>;
  /** What was received of the meter: of readings that start within `[fromMs, toMs)`. */
  received(query: ReceivedQuery): Promise<ReceivedReadings>;
  /**
   * Puts ids on the list of those that may register under `allowlist`, or takes them off it. How many changed; one
   * that is listed already keeps who listed it first.
   */
  setAllowed(
    meterIds: readonly string[],
    allowed: boolean,
    by: { readonly principal: string; readonly atMs: number },
    said: Journaled,
  ): Promise<number>;
  isAllowed(meterId: string): Promise<boolean>;
  /** Grows with every change of any meter: caches compare it. */
  revision(): Promise<bigint>;
  /** Stores a challenge nonce; single use, expiring by the store's clock. */
  putChallenge(nonce: string, ttlMs: number): Promise<void>;
  /** True exactly once per live nonce. */
  useChallenge(nonce: string): Promise<boolean>;
}
