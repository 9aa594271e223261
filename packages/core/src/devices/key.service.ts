import { hash } from 'node:crypto';
import type { Journal } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { JsonObject, Sha256 } from '../verify/contracts.js';
import { recoverMessage, rotateMessage } from '../verify/device-signing.js';
import { checkedDeviceKey, checkPossession } from './device-key.js';
import type { DevicesConfig } from './devices.config.js';
import {
  correctedKeys,
  highestEpoch,
  recoveredKeys,
  refuseKnown,
  revokedKeys,
  rotatedKeys,
} from './key-changes.js';
import {
  epochMembers,
  instant,
  keyEvent,
  type KeyEvent,
  keyFact,
  keyMembers,
  recoveryMembers,
} from './key-entries.js';
import {
  KeyCorrection,
  KeyReason,
  KeyRotation,
  RecoveryDecision,
  RecoveryRequest,
} from './key-requests.js';
import type { KeyChange, KeyRecovery, KeyScene, KeyStore, SequenceGaps } from './key.store.js';
import type { MeterDirectory } from './meter-directory.js';
import { MeterError } from './meter-error.js';
import { ownerAt } from './meter-ownership.js';
import { refuseForeign } from './stated-key.js';
import type { MeterKey, MeterStore, StoredMeter } from './meter.store.js';
import type { SignatureVerifier } from './signature-verifier.js';

/** Who asks for a change that needs more than a device's signature. */
export interface KeyPrincipal {
  readonly id: string;
  readonly accountId: string;
  readonly role: string;
}

const RECOVERY_ID_BYTES = 16;

/** Changes a meter's keys over time: rotation, revocation, and recovery when every key is lost. */
export class KeyService {
  constructor(
    private readonly parts: {
      readonly store: KeyStore;
      readonly meters: Pick<MeterStore, 'useChallenge' | 'get' | 'find'>;
      readonly directory: MeterDirectory;
      readonly signatures: SignatureVerifier;
      readonly clock: Clock;
      readonly random: (length: number) => Uint8Array;
      readonly sha256: Sha256;
      readonly config: DevicesConfig;
      readonly journal: Journal;
      /** Name of this log: a signature made for another gateway is worth nothing here. */
      readonly origin: string;
    },
  ) {}

  /**
   * Replaces a key by a new one, on the word of both. `body` is the request as parsed JSON. Throws `MeterError`; a nonce
   * whose signatures were good is used up then, and nothing else happened.
   */
  async rotate(meterId: string, body: unknown, actor?: string): Promise<StoredMeter> {
    const { config, sha256, signatures, origin, meters, clock } = this.parts;
    const request = parsed(KeyRotation.safeParse(body));
    const key = checkedDeviceKey(request, config.algorithms, sha256);
    const { old_key_id: oldKeyId, nonce } = request;
    const message = (): Uint8Array => rotateMessage(origin, meterId, oldKeyId, key.keyId, nonce);
    const what = `the rotation of this meter's key at ${origin}`;
    checkPossession(signatures, key.publicKey, message, request.signatures.new, what);
    const known = await meters.get(meterId);
    if (known === undefined) throw notFound();
    const old = known.keys.find(({ keyId }) => keyId === oldKeyId);
    if (old === undefined)
      throw new MeterError('key_not_found', `the meter has no key ${oldKeyId}`);
    checkPossession(signatures, old.publicKey, message, request.signatures.old, what);
    await this.useNonce(nonce);
    return this.change(meterId, ({ meter }) => {
      const nowMs = clock.nowMs();
      refuseMore(meter, config.maxKeysPerMeter);
      const keys = rotatedKeys(meter, oldKeyId, key, { nowMs, overlapMs: config.keyOverlapMs });
      const more = {
        ...epochMembers(keys.at(-1)!),
        previous: oldKeyId,
        previous_until: instant(nowMs + config.keyOverlapMs),
      };
      return {
        keys,
        said: this.said(meter, 'rotated', actor ?? `device ${oldKeyId}`, nowMs, more),
      };
    });
  }

  /**
   * Ends a key for good, by its meter's owner or by an operator. A key that was revoked before stays as it is. Throws
   * `MeterError`.
   */
  async revoke(
    meterId: string,
    keyId: string,
    reason: string,
    principal: KeyPrincipal,
  ): Promise<StoredMeter> {
    const why = parsed(KeyReason.safeParse(reason));
    return this.change(meterId, ({ meter }) => {
      const nowMs = this.parts.clock.nowMs();
      this.mayChange(meter, principal, nowMs);
      const keys = revokedKeys(meter, keyId, nowMs);
      if (keys === undefined) return undefined;
      const { epoch } = keys.find((key) => key.keyId === keyId)!;
      const more = { key_id: keyId, epoch, reason: why };
      return { keys, said: this.said(meter, 'revoked', principal.id, nowMs, more) };
    });
  }

  /**
   * An operator who read a key wrongly off a device says which it is, as long as nothing has come that is signed with the wrong
   * one. `body` is the request as parsed JSON. Throws `MeterError`.
   */
  async correct(
    meterId: string,
    keyId: string,
    body: unknown,
    operator: string,
  ): Promise<StoredMeter> {
    const { config, sha256, clock, meters } = this.parts;
    const request = parsed(KeyCorrection.safeParse(body));
    const key = checkedDeviceKey(request, config.algorithms, sha256);
    const { proof, read_from, reason } = request;
    const holders = await meters.find({ meterIds: [], keyIds: [key.keyId] });
    return this.change(meterId, ({ meter }) => {
      const nowMs = clock.nowMs();
      refuseForeign(holders, key, ownerAt(meter, nowMs).accountId, nowMs);
      const keys = correctedKeys(meter, keyId, { ...key, nowMs, operator });
      const more = { ...epochMembers(keys.at(-1)!), previous: keyId, proof, read_from, reason };
      return { keys, said: this.said(meter, 'corrected', operator, nowMs, more) };
    });
  }

  /**
   * An owner asks for a new key in place of those that are lost; the new key proves that it is held. Nothing changes until
   * somebody else approves. Asking again takes the earlier wish back. Throws `MeterError`.
   */
  async askRecovery(meterId: string, body: unknown, principal: KeyPrincipal): Promise<KeyRecovery> {
    const { config, sha256, signatures, origin, clock, random } = this.parts;
    const request = parsed(RecoveryRequest.safeParse(body));
    const key = checkedDeviceKey(request, config.algorithms, sha256);
    const { nonce, reason } = request;
    checkPossession(
      signatures,
      key.publicKey,
      () => recoverMessage(origin, meterId, key.keyId, nonce),
      request.signature,
      `the recovery of this meter's key at ${origin}`,
    );
    const meter = await this.parts.meters.get(meterId);
    if (meter === undefined) throw notFound();
    this.mayAsk(meter, principal, clock.nowMs());
    await this.useNonce(nonce);
    const id = `rec_${Buffer.from(random(RECOVERY_ID_BYTES)).toString('hex')}`;
    let asked: KeyRecovery | undefined;
    await this.change(meterId, (scene) => {
      const nowMs = clock.nowMs();
      this.mayAsk(scene.meter, principal, nowMs);
      refuseKnown(scene.meter, key);
      asked = {
        id,
        meterId,
        accountId: principal.accountId,
        askedBy: principal.id,
        key,
        epoch: highestEpoch(scene.meter),
        reason,
        askedAtMs: nowMs,
        expiresAtMs: nowMs + config.recoveryTtlMs,
        state: 'open',
      };
      const before = scene.recovery;
      const decided = { decidedBy: principal.id, decidedAtMs: nowMs } as const;
      return {
        recoveries: [
          ...(before === undefined ? [] : [{ ...before, state: 'withdrawn' as const, ...decided }]),
          asked,
        ],
        said: this.said(scene.meter, 'recovery-asked', principal.id, nowMs, recoveryMembers(asked)),
      };
    });
    return asked!;
  }

  /** An admin of another account agrees: every older key is revoked, and the new one speaks. Throws `MeterError`. */
  async approveRecovery(
    meterId: string,
    recoveryId: string,
    body: unknown,
    principal: KeyPrincipal,
  ): Promise<StoredMeter> {
    parsed(RecoveryDecision.safeParse(body));
    const { clock, config } = this.parts;
    return this.change(meterId, (scene) => {
      const nowMs = clock.nowMs();
      const { meter } = scene;
      const recovery = openRecovery(scene, recoveryId);
      refuseAlone(recovery, principal);
      if (nowMs >= recovery.expiresAtMs)
        throw new MeterError(
          'recovery_closed',
          'the recovery has expired; its owner may ask again',
        );
      if (
        ownerAt(meter, nowMs).accountId !== recovery.accountId ||
        highestEpoch(meter) !== recovery.epoch ||
        meter.state === 'retired'
      )
        throw new MeterError(
          'recovery_stale',
          'the owner, the newest key or the state of the meter changed since; its owner may ask again',
        );
      const fromMs = recovery.askedAtMs - config.keyOverlapMs;
      const keys = recoveredKeys(meter, recovery.key, { nowMs, fromMs });
      const decided = { decidedBy: principal.id, decidedAtMs: nowMs } as const;
      const more = { ...epochMembers(keys.at(-1)!), recovery: recoveryId };
      return {
        keys,
        recoveries: [{ ...recovery, state: 'approved', ...decided }],
        said: this.said(meter, 'recovery-approved', principal.id, nowMs, more),
      };
    });
  }

  /** An admin says no; the owner may ask again. Throws `MeterError`. */
  async rejectRecovery(
    meterId: string,
    recoveryId: string,
    body: unknown,
    principal: KeyPrincipal,
  ): Promise<StoredMeter> {
    const { reason } = parsed(RecoveryDecision.safeParse(body));
    return this.change(meterId, (scene) => {
      const nowMs = this.parts.clock.nowMs();
      const recovery = openRecovery(scene, recoveryId);
      const decided = { decidedBy: principal.id, decidedAtMs: nowMs } as const;
      const more = {
        ...keyMembers(recovery.key),
        recovery: recoveryId,
        ...(reason === undefined ? {} : { reason }),
      };
      return {
        recoveries: [{ ...recovery, state: 'rejected', ...decided }],
        said: this.said(scene.meter, 'recovery-rejected', principal.id, nowMs, more),
      };
    });
  }

  /** How far behind the highest number of its key a reading may come without being held; undefined: however far. */
  get lateWindow(): bigint | undefined {
    const { sequenceWindow } = this.parts.config;
    return sequenceWindow === 'none' ? undefined : BigInt(sequenceWindow);
  }

  /** Numbers that are missing under one key of a meter, lowest first. */
  gaps(
    key: MeterKey,
    page: { readonly behind?: bigint; readonly limit: number },
  ): Promise<SequenceGaps> {
    const device = hash('sha256', key.publicKey, 'hex');
    return this.parts.store.sequenceGaps({ device, epoch: key.epoch, ...page });
  }

  private async change(
    meterId: string,
    decide: (scene: KeyScene) => KeyChange | undefined,
  ): Promise<StoredMeter> {
    const { store, directory, meters } = this.parts;
    try {
      await store.change(meterId, decide);
    } finally {
      directory.invalidate();
    }
    const meter = await meters.get(meterId);
    if (meter === undefined) throw notFound();
    return meter;
  }

  private said(
    meter: StoredMeter,
    event: KeyEvent,
    actor: string,
    atMs: number,
    more: JsonObject,
  ): KeyChange['said'] {
    const { meterId } = meter;
    const { accountId } = ownerAt(meter, atMs);
    const occasion = { event, meterId, accountId, actor, atMs };
    const said = this.parts.journal.entries([keyFact(occasion, more)]);
    return { ...said, events: [keyEvent(occasion, more)] };
  }

  private mayChange(meter: StoredMeter, { accountId, role }: KeyPrincipal, nowMs: number): void {
    if (role === 'operator' || role === 'admin') return;
    // Told like one that does not exist.
    if (role === 'auditor')
      throw new MeterError('reader_only', 'an auditor reads and changes nothing');
    if (ownerAt(meter, nowMs).accountId !== accountId) throw notFound();
  }

  private mayAsk(meter: StoredMeter, { accountId, role }: KeyPrincipal, nowMs: number): void {
    const isOwner = ownerAt(meter, nowMs).accountId === accountId;
    if (role === 'owner' && !isOwner) throw notFound();
    if (role !== 'owner' || !isOwner)
      throw new MeterError('recovery_not_owner', 'only the owner of a meter asks for its recovery');
    if (meter.state !== 'active' && meter.state !== 'suspended')
      throw new MeterError(
        'meter_state_conflict',
        `the meter is ${meter.state}; register it again with its new key`,
      );
  }

  private async useNonce(nonce: string): Promise<void> {
    if (await this.parts.meters.useChallenge(nonce)) return;
    throw new MeterError(
      'challenge_unknown',
      'the nonce is unknown, used or expired; ask for a new challenge',
    );
  }
}

function openRecovery({ recovery }: KeyScene, recoveryId: string): KeyRecovery {
  if (recovery?.id === recoveryId) return recovery;
  throw new MeterError(
    'recovery_closed',
    'no such recovery is open on this meter: it was decided, taken back, or never asked for',
  );
}

function refuseMore({ keys }: StoredMeter, most: number): void {
  if (keys.length < most) return;
  throw new MeterError(
    'keys_exhausted',
    `the meter has had ${keys.length} keys, of at most ${most}; a device that changes over so often is not in order: look into it, recover its key, or raise devices.maxKeysPerMeter`,
  );
}

/** The rule of two: neither who asked, under whichever credential, nor anybody of the same account. */
function refuseAlone(recovery: KeyRecovery, { id, accountId }: KeyPrincipal): void {
  if (id !== recovery.askedBy && accountId !== recovery.accountId) return;
  throw new MeterError(
    'recovery_needs_another',
    'who asked for the recovery, or belongs to the same account, cannot approve it',
  );
}

function notFound(): MeterError {
  return new MeterError('meter_not_found', 'Meter not found');
}

function parsed<T>(
  result:
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: {
          readonly issues: readonly {
            readonly path: readonly PropertyKey[];
            readonly message: string;
          }[];
        };
      },
): T {
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, 8)
    .map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`);
  throw new MeterError('key_request_invalid', problems.join('; '));
}
