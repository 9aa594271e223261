import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  type KeyObject,
} from 'node:crypto';
import type { MeterState, StoredMeter } from '../../src/devices/meter.store.js';
import { fingerprintOfMeterId } from '../../src/devices/meter-fingerprint.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import { signedBatchTree } from '../../src/ingestion/signed-batch.js';
import { batchMessage, readingMessage } from '../../src/verify/device-signing.js';
import { readDocument } from '../../src/verify/formats/default-formats.js';
import { keyIdOf } from '../../src/verify/spki.js';
import { logHash } from '../../src/verify/tree-hashing.js';

const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Node's name of each curve, and half the order of its group: of s and n − s the lower one is sent. */
type TestAlgorithm = 'Ed25519' | keyof typeof CURVES;

const CURVES = {
  ES256: ['prime256v1', 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n],
  ES256K: ['secp256k1', 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n],
} as const;

/** A key that is the same in every run. */
export class TestKey {
  readonly spki: Buffer;
  readonly keyId: string;
  private readonly privateKey: KeyObject;

  constructor(
    name: string,
    readonly alg: TestAlgorithm = 'Ed25519',
  ) {
    const seed = createHash('sha256').update(`test key ${name}`).digest();
    this.privateKey = privateKeyOf(alg, seed);
    const publicKey = createPublicKey(this.privateKey);
    this.spki = publicKey.export({ format: 'der', type: 'spki' });
    this.keyId = keyIdOf(this.spki);
  }

  sign(message: Uint8Array): Buffer {
    if (this.alg === 'Ed25519') return sign(null, message, this.privateKey);
    const half = CURVES[this.alg][1];
    const key = { key: this.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    const signature = sign('sha256', message, key);
    const s = BigInt(`0x${signature.toString('hex', 32)}`);
    if (s <= half) return signature;
    // n is odd: n = 2 · half + 1.
    const low = (2n * half + 1n - s).toString(16).padStart(64, '0');
    return Buffer.concat([signature.subarray(0, 32), Buffer.from(low, 'hex')]);
  }
}

function privateKeyOf(alg: TestAlgorithm, seed: Buffer): KeyObject {
  if (alg === 'Ed25519') {
    const key = Buffer.concat([PKCS8_HEAD, seed]);
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  }
  const [curve] = CURVES[alg];
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(seed);
  const point = ecdh.getPublicKey();
  const part = (from: number): string => point.subarray(from, from + 32).toString('base64url');
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: alg === 'ES256' ? 'P-256' : 'secp256k1',
      d: seed.toString('base64url'),
      x: part(1),
      y: part(33),
    },
  });
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
          alg: this.key.alg,
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
      alg: this.key.alg,
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
      signature: { alg: this.key.alg, key_id: this.key.keyId, value: value.toString('base64') },
    };
  }
}
