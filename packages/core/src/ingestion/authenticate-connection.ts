import type { DevicesConfig } from '../devices/devices.config.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import type { ReadingFacts } from '../verify/formats/format.js';
import { ownerAt } from '../devices/meter-ownership.js';
import { decodeSpki } from '../verify/spki.js';
import { type Authentication, checkMeterState, identify } from './authenticate.js';
import { Refusal } from './refusal.js';

/** A key whose holder the connection has proven: that of the client's certificate. */
export interface CertifiedKey {
  readonly keyId: string;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
}

/**
 * Step for items without a signature that came over mutual TLS: the certificate's key is a device key, so the connection says
 * whose reading it is, and proves it to nobody later (`assurance: transport`). It speaks for the meters of that key alone.
 * Undefined when no meter has the key: the connection then says nothing.
 */
export function authenticateConnection(
  { keyId, publicKey }: CertifiedKey,
  reading: Pick<ReadingFacts, 'meterId' | 'startsMs' | 'endsMs'>,
  directory: Pick<MeterDirectory, 'peekKey' | 'peekMeter'>,
  nowMs: number,
  algorithms: DevicesConfig['algorithms'],
): Authentication | Refusal | undefined {
  const alg = decodeSpki(publicKey)?.alg;
  // An id of 16 digits could be another key's.
  const known = directory
    .peekKey(keyId)
    ?.some(({ keys }) => keys.some((key) => Buffer.compare(key.publicKey, publicKey) === 0));
  if (alg === undefined || known !== true) return undefined;
  const claimed = identify({ alg, keyId }, reading, directory, nowMs, algorithms);
  if (claimed instanceof Refusal) return claimed;
  const { meter, key } = claimed;
  if (Buffer.compare(key.publicKey, publicKey) !== 0)
    return new Refusal('meter_mismatch', `key ${keyId} does not speak for the document's meter`);
  const hold = checkMeterState(meter);
  if (hold instanceof Refusal) return hold;
  return { assurance: 'transport', meter, key, ...(hold === undefined ? {} : { hold }) };
}

/** An API key of one meter, and the account that it was issued for. */
export interface DeviceKeySender {
  readonly meterId: string;
  readonly accountId: string;
}

/**
 * Step for items without a signature that came with the API key of one meter: as over mutual TLS. The key speaks for the
 * meter while, and for what it measured while, it is the key's account's.
 */
export function authenticateDeviceKey(
  { meterId, accountId }: DeviceKeySender,
  reading: Pick<ReadingFacts, 'meterId' | 'startsMs'>,
  directory: Pick<MeterDirectory, 'peekMeter'>,
  nowMs: number,
): Authentication | Refusal {
  if (reading.meterId !== meterId)
    return new Refusal('meter_mismatch', "the device key does not speak for the document's meter");
  const meter = directory.peekMeter(meterId) ?? undefined;
  if (meter === undefined)
    return new Refusal('meter_unknown', 'the meter of the device key is not registered any more');
  if (ownerAt(meter, nowMs).accountId !== accountId)
    return new Refusal(
      'meter_not_owned',
      'the meter has another owner since the device key was made; ask them for a new one',
    );
  if (ownerAt(meter, reading.startsMs).accountId !== accountId)
    return new Refusal('meter_not_owned', 'the meter was another account’s at that time');
  const hold = checkMeterState(meter);
  if (hold instanceof Refusal) return hold;
  return { assurance: 'transport', meter, ...(hold === undefined ? {} : { hold }) };
}
