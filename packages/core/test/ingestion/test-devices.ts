import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { MeterState, StoredMeter } from '../../src/devices/meter.store.js';
import { fingerprintOfMeterId } from '../../src/devices/meter-fingerprint.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import { signedBatchTree } from '../../src/ingestion/signed-batch.js';
import { batchMessage, readingMessage } from '../../src/verify/device-signing.js';
import { readDocument } from '../../src/verify/formats/default-formats.js';
import { keyIdOf } from '../../src/verify/spki.js';
import { logHash } from '../../src/verify/tree-hashing.js';

const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An Ed25519 key that is the same in every run. */
export class TestKey {
  readonly spki: Buffer;
  readonly keyId: string;
  private readonly privateKey: KeyObject;

  constructor(name: string) {
    const seed = createHash('sha256').update(`test key ${name}`).digest();
    const key = Buffer.concat([PKCS8_HEAD, seed]);
    this.privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    this.spki = createPublicKey(this.privateKey).export({ format: 'der', type: 'spki' });
    this.keyId = keyIdOf(this.spki);
  }

  sign(message: Uint8Array): Buffer {
    return sign(null, message, this.privateKey);
  }
}

export interface SentEnvelope {
  format?: unknown;
  document?: unknown;
  bytes?: unknown;
  signature?: { alg?: unknown; key_id?: unknown; value?: unknown } & Record<string, unknown>;
  [other: string]: unknown;
}

/** A meter with its key, able to make envelopes. */
export class TestDevice {
  readonly key: TestKey;

  constructor(
    readonly meterId: string,
    key?: TestKey,
  ) {
    this.key = key ?? new TestKey(meterId);
  }

  stored(state: MeterState, more: Partial<StoredMeter> = {}): StoredMeter {
    return {
      meterId: this.meterId,
      accountId: `account of ${this.meterId}`,
      fingerprint: fingerprintOfMeterId(this.meterId),
      state,
      keys: [
        {
          keyId: this.key.keyId,
          alg: 'Ed25519',
          publicKey: this.key.spki,
          epoch: 0,
          validFromMs: 0,
        },
      ],
      registeredAtMs: 0,
      ...more,
    };
  }

  /** A `reading/1` of one quarter of an hour that ended at `endsMs`. */
  reading(endsMs: number, more: object = {}): Record<string, unknown> {
    return {
      v: 'reading/1',
      site: 'site-1',
      device: 'device-1',
      meter: this.meterId,
      start: new Date(endsMs - 900_000).toISOString(),
      end: new Date(endsMs).toISOString(),
      import_kwh: '1.25',
      ...more,
    };
  }

  /** An `emlog-1.1` document of five minutes that ended at `endsMs`. */
  emlog(endsMs: number, more: object = {}): Record<string, unknown> {
    return {
      schema_version: 'emlog-1.1',
      site_id: 'PLANT-01',
      iot_device_id: 'gw-1',
      meter_id: this.meterId,
      ts_start: new Date(endsMs - 300_000).toISOString(),
      ts_end: new Date(endsMs).toISOString(),
      interval_s: 300,
      energy_kwh: 12.34,
      tx: { price_sats_per_kwh: 100, amount_sats: 1234 },
      ...more,
    };
  }

  signature(format: string, document: string | object): Required<SentEnvelope>['signature'] {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const message = readingMessage(format, this.key.keyId, readDocument(format, text).bytes);
    return {
      alg: 'Ed25519',
      key_id: this.key.keyId,
      value: this.key.sign(message).toString('base64'),
    };
  }

  /** A correctly signed envelope. */
  signed(document: object, format = 'reading/1'): SentEnvelope {
    return { format, document, signature: this.signature(format, document) };
  }

  /** A correctly signed `batch/1` envelope. */
  batch(documents: readonly object[], nonce = Buffer.alloc(16, 7)): Record<string, unknown> {
    const hashes = documents.map((document) =>
      logHash(readDocument('reading/1', JSON.stringify(document)).bytes),
    );
    const { root } = signedBatchTree(nonce, hashes, nativeSha256).tree;
    const value = this.key.sign(batchMessage(this.key.keyId, documents.length, root));
    return {
      format: 'batch/1',
      batch_nonce: nonce.toString('base64'),
      items: documents.map((document) => ({ format: 'reading/1', document })),
      signature: { alg: 'Ed25519', key_id: this.key.keyId, value: value.toString('base64') },
    };
  }
}
