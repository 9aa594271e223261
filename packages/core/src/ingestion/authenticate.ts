import { hash } from 'node:crypto';
import type { DevicesConfig } from '../devices/devices.config.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import { ownerAt } from '../devices/meter-ownership.js';
import type { MeterKey, StoredMeter } from '../devices/meter.store.js';
import type { Assurance } from '../logs/verdict.js';
import type { ReadingFacts } from '../verify/formats/format.js';
import type { EntrySignature } from './ingest.store.js';
import type { CertifiedKey, DeviceKeySender } from './authenticate-connection.js';
import { Refusal } from './refusal.js';

/** Who stands behind an item: what its row needs to know. */
export interface Authentication {
  readonly assurance: Assurance;
  readonly meter?: StoredMeter;
  readonly key?: MeterKey;
  readonly signature?: EntrySignature;
  /** Why somebody has to look at it before it counts. */
  readonly hold?: { readonly code: 'unsigned_review' | 'meter_pending'; readonly detail: string };
}

/** The meter and key that a signature claims to be of. */
export interface ClaimedKey {
  readonly meter: StoredMeter;
  readonly key: MeterKey;
}

/**
 * Step: finds the key by its id and checks that it speaks for the document's meter, at the time of the reading and
 * now. Pure: everything needed was loaded into the directory before.
 */
export function identify(
  signature: { readonly alg: string; readonly keyId: string },
  reading: Pick<ReadingFacts, 'meterId' | 'startsMs' | 'endsMs'>,
  directory: Pick<MeterDirectory, 'peekKey' | 'peekMeter'>,
  nowMs: number,
  algorithms: DevicesConfig['algorithms'],
): ClaimedKey | Refusal {
  const holders = directory.peekKey(signature.keyId) ?? [];
  const meter = holders.find(({ meterId }) => meterId === reading.meterId);
  if (meter === undefined)
    return unidentified(signature.keyId, reading.meterId, holders, directory);
  const key = meter.keys.find(({ keyId }) => keyId === signature.keyId);
  if (key === undefined)
    return new Refusal('key_unknown', `the meter has no key ${signature.keyId}; register it`);
  if (signature.alg !== key.alg || !(algorithms as readonly string[]).includes(signature.alg))
    return new Refusal(
      'alg_not_allowed',
      `key ${key.keyId} signs with ${key.alg}; allowed here are ${algorithms.join(', ')}`,
    );
  if (key.revokedAtMs !== undefined && Math.max(nowMs, reading.endsMs) >= key.revokedAtMs)
    return new Refusal('key_revoked', `key ${key.keyId} was revoked; sign with the newer key`);
  if (key.validToMs !== undefined && reading.startsMs >= key.validToMs)
    return new Refusal(
      'key_superseded',
      `key ${key.keyId} was replaced; it is valid for readings that start before ${key.validToMs} ms`,
    );
  if (reading.startsMs < key.validFromMs)
    return new Refusal(
      'key_not_yet_valid',
      `key ${key.keyId} is valid for readings from ${key.validFromMs} ms on`,
    );
  return { meter, key };
}

function unidentified(
  keyId: string,
  meterId: string,
  holders: readonly StoredMeter[],
  directory: Pick<MeterDirectory, 'peekMeter'>,
): Refusal {
  if (holders.length > 0)
    return new Refusal('meter_mismatch', `key ${keyId} does not speak for the document's meter`);
  if (directory.peekMeter(meterId) === null)
    return new Refusal('meter_unknown', 'the meter is not registered; register it with its key');
  return new Refusal('key_unknown', `no meter has the key ${keyId}; register it`);
}

/** Step: what the state of the meter means for a reading whose signature is good. */
export function checkMeterState(meter: StoredMeter): Refusal | Authentication['hold'] {
  switch (meter.state) {
    case 'active':
      return undefined;
    case 'pending':
      return { code: 'meter_pending', detail: 'the meter waits for an operator to approve it' };
    case 'suspended':
      return new Refusal('meter_suspended', 'the meter is suspended; ask the operator why');
    case 'retired':
      return new Refusal('meter_retired', 'the meter is retired and sends nothing any more');
  }
}

/** What an unsigned item is judged by: what the transport vouches for, and whose credential came with it. */
export interface UnsignedSender {
  /** What it is worth for the meters of `vouchesFor`; `import` from an operator: for every meter. */
  readonly assurance: Assurance;
  readonly vouchesFor?: readonly string[];
  readonly accountId?: string;
  readonly everyAccount?: boolean;
  /** Of the client certificate that came with the connection. */
  readonly certified?: CertifiedKey;
  readonly device?: DeviceKeySender;
}

/** Whether somebody who was authenticated, or the configuration, says that readings of this meter are its own. */
export function isVouchedFor(
  meterId: string,
  { assurance, vouchesFor, everyAccount = false }: UnsignedSender,
): boolean {
  if (assurance === 'unsigned') return false;
  return (assurance === 'import' && everyAccount) || (vouchesFor?.includes(meterId) ?? false);
}

/**
 * Step for items without a device signature. Those of a registered meter that is vouched for are taken as what they are
 * worth; about the others `devices.unsigned` decides. Nobody speaks for another's meter. A meter has an owner once it has
 * been let in; a registration that nobody approved says nothing, or it would take the readings of a meter that needs none
 * away from those who send them.
 */
export function authenticateUnsigned(
  { meterId, startsMs }: Pick<ReadingFacts, 'meterId' | 'startsMs'>,
  sender: UnsignedSender,
  directory: Pick<MeterDirectory, 'peekMeter'>,
  policy: DevicesConfig['unsigned'],
): Authentication | Refusal {
  const isVouched = isVouchedFor(meterId, sender);
  const meter = letIn(directory.peekMeter(meterId) ?? undefined);
  const isKnown = isVouched && meter !== undefined;
  if (policy === 'require' && !isKnown)
    return new Refusal(
      'device_signature_required',
      'readings must carry the signature of a registered device key',
    );
  if (meter !== undefined) {
    const refused = speaksFor(meter, sender, isVouched, startsMs) ?? checkMeterState(meter);
    if (refused instanceof Refusal) return refused;
  }
  return {
    assurance: isVouched ? sender.assurance : 'unsigned',
    ...(meter === undefined ? {} : { meter }),
    ...(policy === 'review' && !isKnown
      ? { hold: { code: 'unsigned_review', detail: 'unsigned readings wait for an operator' } }
      : {}),
  };
}

/** The meter, when its registration was ever let in. */
function letIn(meter: StoredMeter | undefined): StoredMeter | undefined {
  if (meter === undefined) return undefined;
  const { state, admitted = false } = meter;
  return state === 'active' || state === 'suspended' || admitted ? meter : undefined;
}

function speaksFor(
  meter: StoredMeter,
  { accountId, everyAccount = false }: UnsignedSender,
  isVouched: boolean,
  startsMs: number,
): Refusal | undefined {
  if (accountId === undefined && !isVouched)
    return new Refusal(
      'device_signature_required',
      "the meter is registered: its readings carry the signature of its key, or come with its owner's API key",
    );
  if (accountId === undefined || everyAccount) return undefined;
  if (ownerAt(meter, startsMs).accountId === accountId) return undefined;
  return new Refusal('meter_not_owned', 'the meter belongs to another account');
}

/** What a device key is known by in sequences: SHA-256 of its SPKI, hex. An id of 16 digits could collide. */
export function deviceOfKey(key: MeterKey): string {
  return hash('sha256', key.publicKey, 'hex');
}
