import type { Journaled } from '../logs/journal.js';
import type { MeterRegister } from './meter-registers.js';

export type MeterState = 'pending' | 'active' | 'suspended' | 'retired';

export interface MeterKey {
  readonly keyId: string;
  readonly alg: 'Ed25519' | 'ES256' | 'ES256K';
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  readonly epoch: number;
  readonly validFromMs: number;
  readonly revokedAtMs?: number;
}

export interface StoredMeter {
  readonly meterId: string;
  readonly deviceId?: string;
  readonly siteId?: string;
  readonly accountId: string;
  readonly owner?: string;
  readonly fingerprint: Uint8Array;
  readonly state: MeterState;
  readonly ratingW?: number;
  /** Absent: those a meter has when its registration names none. */
  readonly registers?: readonly MeterRegister[];
  readonly keys: readonly MeterKey[];
  readonly registeredAtMs: number;
}

/** Port of the devices feature. `said`: what the log says of a change, committed with it and only if it happens. */
export interface MeterStore {
  /**
   * `meter_taken` when id or fingerprint exists. One that was turned down (`retired`) holds nothing and is replaced:
   * else a stranger's claim would keep the owner away for good.
   */
  register(meter: StoredMeter, said: Journaled): Promise<'registered' | 'meter_taken'>;
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
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredMeter[]; readonly cursor?: string }>;
  setState(meterId: string, from: MeterState, to: MeterState, said: Journaled): Promise<boolean>;
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
