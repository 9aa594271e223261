import type { Journal, Journaled } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { JsonObject, Sha256 } from '../verify/contracts.js';
import { registerMessage } from '../verify/device-signing.js';
import { checkedDeviceKey, checkPossession, type DeviceKey } from './device-key.js';
import type { DevicesConfig } from './devices.config.js';
import type { MeterDirectory } from './meter-directory.js';
import { MeterError } from './meter-error.js';
import { epochMembers, keyFact } from './key-entries.js';
import { changeOf, meterEvent, registrationDetail, registersText } from './meter-entries.js';
import { fingerprintOfMeterId, fingerprintOfNameplate } from './meter-fingerprint.js';
import { ownerAt } from './meter-ownership.js';
import { checkedRegisters, type AskedRegister } from './meter-registers.js';
import { MeterRegistration, MeterStatement, problemsOf } from './meter-registration.js';
import type { MeterKey, MeterState, MeterStore, StoredMeter } from './meter.store.js';
import { TokenBuckets } from './token-bucket.js';
import type { SignatureVerifier } from './signature-verifier.js';
import { refuseForeign } from './stated-key.js';

const NONCE_BYTES = 16;
const CHANGE_BYTES = 8;
/** Account of entries that belong to no owner. */
const ADMINISTRATION = 'admin';

export interface Challenge {
  /** 32 hex digits, single use. */
  readonly nonce: string;
  readonly expiresAtMs: number;
}

/** Registers meters by proof of possession of their key, and moves them between states. */
export class MeterService {
  private readonly challengeRate: TokenBuckets;
  private readonly claimRate: TokenBuckets;

  constructor(
    private readonly parts: {
      readonly store: MeterStore;
      readonly directory: MeterDirectory;
      readonly signatures: SignatureVerifier;
      readonly clock: Clock;
      readonly random: (length: number) => Uint8Array;
      readonly sha256: Sha256;
      readonly config: DevicesConfig;
      /** Every change of a meter is an entry of the log. */
      readonly journal: Journal;
      /** Name of this log: a proof of possession made for another gateway is worth nothing here. */
      readonly origin: string;
      /** Whether anybody could speak in this account's name. */
      readonly accountKnown: (accountId: string) => Promise<boolean>;
    },
  ) {
    this.challengeRate = new TokenBuckets(parts.clock, parts.config.challengeRate);
    this.claimRate = new TokenBuckets(parts.clock, parts.config.claimRate);
  }

  /**
   * A nonce for a proof of possession or a rotation. `source`: the network of somebody who has no key; each such
   * network gets so many, because every nonce is kept until it expires.
   */
  async challenge(source?: string): Promise<Challenge> {
    const { store, random, clock, config } = this.parts;
    const waitMs = source === undefined ? 0 : this.challengeRate.take(source, 1);
    if (waitMs > 0)
      throw new MeterError('throttled', 'too many challenges; ask again later', waitMs);
    const nonce = Buffer.from(random(NONCE_BYTES)).toString('hex');
    const expiresAtMs = clock.nowMs() + config.challengeTtlMs;
    await store.putChallenge(nonce, config.challengeTtlMs);
    return { nonce, expiresAtMs };
  }

  /**
   * Registers a meter with its first key. `body` is the request as parsed JSON. Throws `MeterError`; nothing is kept then, but a
   * nonce whose signature was good is used up. `actor`: who asked, when it was not the device itself.
   */
  async register(body: unknown, accountId: string, actor?: string): Promise<StoredMeter> {
    const { store, sha256, clock, config, signatures, origin } = this.parts;
    const parsed = MeterRegistration.safeParse(body);
    if (!parsed.success) throw new MeterError('registration_invalid', problemsOf(parsed.error));
    const request = parsed.data;
    const key = checkedDeviceKey(request, config.algorithms, sha256);
    const { keyId } = key;
    const { nonce, signature } = request.proof_of_possession;
    checkPossession(
      signatures,
      key.publicKey,
      () => registerMessage(origin, request.meter_id, keyId, nonce),
      signature,
      `the registration of this meter at ${origin}`,
    );
    const registers = request.registers && checkedRegisters(request.registers);
    const state = await this.firstState(request.meter_id);
    if (!(await store.useChallenge(nonce)))
      throw new MeterError(
        'challenge_unknown',
        'the nonce is unknown, used or expired; ask for a new challenge',
      );
    await this.refuseKeyId(request.meter_id, keyId);
    const meter = meterOf(request, { key, registers, state, accountId, nowMs: clock.nowMs() });
    const by = actor ?? `device ${keyId}`;
    if (await this.keep(meter, by)) return meter;
    await this.tellHolders(meter, { keyId, nonce }, by);
    throw taken();
  }

  /**
   * Registers a meter whose device can sign readings and nothing else, with the key that an operator read off it: whoever
   * states it answers for it, by name, in the log. `body` is the request as parsed JSON. Throws `MeterError`.
   */
  async state(body: unknown, operator: string): Promise<StoredMeter> {
    const { sha256, clock, config, accountKnown } = this.parts;
    const parsed = MeterStatement.safeParse(body);
    if (!parsed.success) throw new MeterError('registration_invalid', problemsOf(parsed.error));
    const { account_id: accountId, proof, read_from, ...request } = parsed.data;
    const key = checkedDeviceKey(request, config.algorithms, sha256);
    const registers = request.registers && checkedRegisters(request.registers);
    if (!(await accountKnown(accountId)))
      throw new MeterError('account_unknown', 'nobody could own it: there is no such account');
    const state = await this.firstState(request.meter_id);
    await this.refuseKeyId(request.meter_id, key.keyId);
    const nowMs = clock.nowMs();
    const holders = await this.parts.store.find({ meterIds: [], keyIds: [key.keyId] });
    refuseForeign(holders, key, accountId, nowMs);
    const statedKey = { ...key, statedBy: operator };
    const meter = meterOf(request, { key: statedKey, registers, state, accountId, nowMs });
    if (await this.keep(meter, operator, { proof, read_from })) return meter;
    throw taken();
  }

  /** With what the log says of the meter and of its key. False when it is taken. */
  private async keep(meter: StoredMeter, actor: string, more: JsonObject = {}): Promise<boolean> {
    const { store, directory } = this.parts;
    const detail = { ...registrationDetail(meter), ...more };
    const registered = this.said(meter, 'meter.registered', actor, detail);
    const rows = [...registered.rows, ...this.firstKey(meter, actor, more).rows];
    if ((await store.register(meter, { ...registered, rows })) === 'meter_taken') return false;
    directory.invalidate();
    return true;
  }

  /** Connections go by meter ids and key ids: nobody gets a meter that is called like another's key. */
  private async refuseKeyId(meterId: string, ownKeyId: string): Promise<void> {
    if (meterId === ownKeyId || !/^[0-9a-f]{16}$/.test(meterId)) return;
    const [holder] = await this.parts.store.find({ meterIds: [], keyIds: [meterId] });
    if (holder !== undefined)
      throw new MeterError(
        'meter_taken',
        'this id is that of a device key; give the meter another',
      );
  }

  /** Whoever holds the meter hears, so often at most, that somebody else wants to be its owner. */
  private async tellHolders(
    wanted: StoredMeter,
    { keyId, nonce }: { readonly keyId: string; readonly nonce: string },
    actor: string,
  ): Promise<void> {
    const { store, clock, journal } = this.parts;
    for (const holder of await store.holders(wanted)) {
      const { meterId } = holder;
      if (this.claimRate.take(meterId, 1) > 0) continue;
      const { accountId } = ownerAt(holder, clock.nowMs());
      const detail = { claimed_as: wanted.meterId, key_id: keyId, nonce };
      await store.noteClaim(
        journal.audit({
          actor,
          action: 'meter.claimed',
          subject: meterId,
          detail,
          accountId,
          event: meterEvent('meter.claimed', holder, accountId, detail),
        }),
      );
    }
  }

  /** An operator's review: a pending meter becomes active. */
  async approve(meterId: string, actor: string): Promise<StoredMeter> {
    return this.move(meterId, ['pending'], 'active', actor);
  }

  /** An operator's review: a pending meter is turned down. Its id is free for the next registration. */
  async reject(meterId: string, actor: string): Promise<StoredMeter> {
    return this.move(meterId, ['pending'], 'retired', actor);
  }

  /** Its readings are refused until it is resumed. */
  async suspend(meterId: string, actor: string): Promise<StoredMeter> {
    return this.move(meterId, ['active', 'pending'], 'suspended', actor);
  }

  /** Lists meter ids that may register under `allowlist`, beside those of the configuration, or takes them off. */
  async setAllowed(
    meterIds: readonly string[],
    allowed: boolean,
    principal: string,
  ): Promise<number> {
    const { store, clock, journal } = this.parts;
    const said = journal.audit({
      actor: principal,
      action: allowed ? 'meter.allowed' : 'meter.disallowed',
      subject: `meters of a list of ${meterIds.length}`,
      detail: { meter_ids_sha256: this.digestOf(meterIds), change: this.changeId() },
      accountId: ADMINISTRATION,
    });
    return store.setAllowed(meterIds, allowed, { principal, atMs: clock.nowMs() }, said);
  }

  /** An operator lets it in again. */
  async resume(meterId: string, actor: string): Promise<StoredMeter> {
    return this.move(meterId, ['suspended'], 'active', actor);
  }

  /**
   * The meter sends nothing any more; its id and fingerprint stay taken, unless it was never let in. Not while it is
   * suspended: what it measured stays frozen until an operator has looked at it. `owner`: who asks, when it is no operator;
   * once a hand-over is agreed the meter is not theirs to end.
   */
  async retire(meterId: string, actor: string, owner?: string): Promise<StoredMeter> {
    return this.move(meterId, ['active', 'pending'], 'retired', actor, owner);
  }

  /** Says anew what the registers are; of those that have readings, nothing may change. Throws `MeterError`. */
  async setRegisters(
    meterId: string,
    asked: readonly AskedRegister[],
    actor: string,
  ): Promise<StoredMeter> {
    const { store, directory } = this.parts;
    const registers = checkedRegisters(asked);
    const meter = await store.get(meterId);
    if (meter === undefined) throw new MeterError('meter_not_found', 'Meter not found');
    const said = this.said(meter, 'meter.registers', actor, {
      registers: registersText(registers),
    });
    if (
      meter.registers !== undefined &&
      registersText(meter.registers) === registersText(registers)
    )
      return meter;
    const change = { from: meter.registers, to: registers };
    const outcome = await store.setRegisters(meterId, change, said);
    directory.invalidate();
    if (outcome === 'changed') return { ...meter, registers };
    if (outcome === 'in_use')
      throw new MeterError(
        'register_in_use',
        'a register that has readings keeps its direction and what it credits; name it as it is, and new ones beside it',
      );
    throw new MeterError(
      'registers_changed_meanwhile',
      'somebody else changed the registers; look at them and try again',
    );
  }

  private async move(
    meterId: string,
    from: readonly MeterState[],
    to: MeterState,
    actor: string,
    owner?: string,
  ): Promise<StoredMeter> {
    const { store, directory } = this.parts;
    const meter = await store.get(meterId);
    if (meter === undefined) throw new MeterError('meter_not_found', 'Meter not found');
    const said = this.said(meter, 'meter.state', actor, { from: meter.state, to });
    const moved =
      from.includes(meter.state) && (await store.setState(meterId, meter.state, to, said, owner));
    directory.invalidate();
    if (moved) return { ...meter, state: to, ...(to === 'active' ? { admitted: true } : {}) };
    if (owner !== undefined && (await store.get(meterId))?.accountId !== owner)
      throw new MeterError('transfer_conflict', 'the meter is handed over to somebody else');
    throw new MeterError(
      'meter_state_conflict',
      `the meter is ${meter.state}; only ${from.join(' or ')} can become ${to}`,
    );
  }

  /** The first key's entry: what the log says of keys begins with it. */
  private firstKey(
    { meterId, accountId, keys, registeredAtMs: atMs }: StoredMeter,
    actor: string,
    more: JsonObject,
  ) {
    const occasion = { event: 'registered', meterId, accountId, actor, atMs } as const;
    return this.parts.journal.entries(
      keys.map((key) =>
        keyFact(occasion, { ...epochMembers(key), ...more, change: this.changeId() }),
      ),
    );
  }

  private said(meter: StoredMeter, action: string, actor: string, detail: JsonObject): Journaled {
    const { journal, clock } = this.parts;
    const told = { ...detail, change: this.changeId() };
    return journal.audit(changeOf(meter, clock.nowMs(), actor, action, told));
  }

  /** The log keeps the same bytes once: a change that was made before, within the same millisecond, is another change. */
  private changeId(): string {
    return Buffer.from(this.parts.random(CHANGE_BYTES)).toString('hex');
  }

  /** A list may be longer than an audit entry: its ids, sorted, one a line. */
  private digestOf(meterIds: readonly string[]): string {
    const lines = [...new Set(meterIds)].sort().join('\n');
    return Buffer.from(this.parts.sha256(Buffer.from(lines, 'utf8'))).toString('hex');
  }

  private async firstState(meterId: string): Promise<MeterState> {
    const { store, config } = this.parts;
    const { registration, allowlist } = config;
    if (registration === 'open') return 'active';
    if (registration === 'review') return 'pending';
    if (allowlist.includes(meterId) || (await store.isAllowed(meterId))) return 'active';
    throw new MeterError(
      'meter_not_listed',
      'only listed meters may register here; ask the operator to list this meter id',
    );
  }
}

function taken(): MeterError {
  return new MeterError('meter_taken', 'this meter is registered already');
}

function meterOf(
  request: Omit<MeterRegistration, 'proof_of_possession'>,
  at: {
    key: DeviceKey & Pick<MeterKey, 'statedBy'>;
    registers: StoredMeter['registers'];
    state: MeterState;
    accountId: string;
    nowMs: number;
  },
): StoredMeter {
  const { meter_id: meterId, device_id, site_id, owner, rating_w, nameplate, location } = request;
  const { registers } = at;
  return {
    meterId,
    ...(device_id === undefined ? {} : { deviceId: device_id }),
    ...(site_id === undefined ? {} : { siteId: site_id }),
    ...(owner === undefined ? {} : { owner }),
    ...(rating_w === undefined ? {} : { ratingW: rating_w }),
    ...(nameplate === undefined ? {} : { nameplate }),
    ...(location === undefined ? {} : { location }),
    ...(registers === undefined ? {} : { registers }),
    ...(at.state === 'active' ? { admitted: true } : {}),
    accountId: at.accountId,
    fingerprint:
      nameplate === undefined ? fingerprintOfMeterId(meterId) : fingerprintOfNameplate(nameplate),
    state: at.state,
    keys: [
      {
        ...at.key,
        epoch: 0,
        // The first key speaks for what the meter measured before it was registered too; age rules still hold.
        validFromMs: 0,
      },
    ],
    registeredAtMs: at.nowMs,
  };
}
