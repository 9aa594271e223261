import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { toBase58 } from '../../src/verify/base58.js';

/** The message a GridTokenX meter signs, written out by hand: five lines, none after the last. */
export function gridTokenXMessage(
  serial: string,
  timestamp: string,
  sixDecimals: string,
  wallet: string,
): string {
  return `GRIDTOKENX_METER_READING\nmeter_serial: ${serial}\ntimestamp: ${timestamp}\nkwh_amount: ${sixDecimals}\nwallet: ${wallet}`;
}

export interface SeedBody {
  readonly wallet_address: string;
  readonly kwh_amount: string | number;
  readonly reading_timestamp: string;
  readonly meter_id?: string;
  readonly meter_signature?: string;
}

/** A meter that signs as GridTokenX's do. */
export class SeedMeter extends TestDevice {
  constructor(
    meterId: string,
    readonly wallet: string,
    key?: TestKey,
  ) {
    super(meterId, key);
  }

  /** A body of `POST /api/meters/submit` as the meter would have it sent. `kwh`: with six decimals. */
  body(endsMs: number, kwh = '5.000000', wallet = this.wallet): Required<SeedBody> {
    const timestamp = new Date(endsMs).toISOString();
    const message = gridTokenXMessage(this.meterId, timestamp, kwh, wallet);
    return {
      wallet_address: wallet,
      kwh_amount: kwh,
      reading_timestamp: timestamp,
      meter_id: this.meterId,
      meter_signature: toBase58(this.key.sign(Buffer.from(message))),
    };
  }
}

/** The key of the published vectors: an Ed25519 seed of 32 bytes 0x01. */
export function vectorKey(seedHex: string): Pick<TestKey, 'spki' | 'sign'> {
  const der = Buffer.from(`302e020100300506032b657004220420${seedHex}`, 'hex');
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return {
    spki: createPublicKey(key).export({ format: 'der', type: 'spki' }),
    sign: (message) => sign(null, message, key),
  };
}
