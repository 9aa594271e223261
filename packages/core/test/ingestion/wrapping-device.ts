import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { StoredMeter } from '../../src/devices/meter.store.js';
import { fingerprintOfMeterId } from '../../src/devices/meter-fingerprint.js';
import { concat, fromHex, utf8 } from '../../src/verify/bytes.js';
import { lowSSignature } from '../../src/verify/envelopes/ecdsa-signature.js';
import { coseMessage, toBase64Url } from '../../src/verify/envelopes/index.js';
import { cborArray, cborBytes, cborText } from '../../src/verify/envelopes/cbor.js';
import { canonicalize } from '../../src/verify/formats/default-formats.js';
import { keyIdOf } from '../../src/verify/spki.js';

export type WrappingAlgorithm = 'Ed25519' | 'ES256' | 'ES256K';

/** PKCS #8 up to the 32 secret bytes: RFC 8410 §7, and RFC 5915 inside RFC 5958 without the public key. */
const PKCS8: Readonly<Record<WrappingAlgorithm, readonly [string, string]>> = {
  Ed25519: ['302e020100300506032b657004220420', ''],
  ES256: ['3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', ''],
  ES256K: ['303e020100301006072a8648ce3d020106052b8104000a042730250201010420', ''],
};

const COSE_ALG: Readonly<Record<WrappingAlgorithm, string>> = {
  Ed25519: '27',
  ES256: '26',
  ES256K: '382e',
};

/** A device of any algorithm that wraps its signatures as standards have it; the same in every run but for ECDSA's nonces. */
export class WrappingDevice {
  readonly spki: Buffer;
  readonly keyId: string;
  private readonly privateKey: KeyObject;

  constructor(
    readonly meterId: string,
    readonly alg: WrappingAlgorithm,
  ) {
    const secret = createHash('sha256').update(`wrapping ${meterId} ${alg}`).digest();
    const key = Buffer.concat([Buffer.from(PKCS8[alg][0], 'hex'), secret]);
    this.privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    this.spki = createPublicKey(this.privateKey).export({ format: 'der', type: 'spki' });
    this.keyId = keyIdOf(this.spki);
  }

  stored(state: StoredMeter['state'] = 'active'): StoredMeter {
    const { meterId, alg, keyId, spki } = this;
    return {
      meterId,
      accountId: `account of ${meterId}`,
      fingerprint: fingerprintOfMeterId(meterId),
      state,
      keys: [{ keyId, alg, publicKey: spki, epoch: 0, validFromMs: 0 }],
      registeredAtMs: 0,
    };
  }

  /** `reading/1` of a quarter of an hour that ended at `endsMs`. */
  reading(endsMs: number, more: object = {}): object {
    return {
      v: 'reading/1',
      site: 'site-1',
      device: 'device-1',
      meter: this.meterId,
      start: new Date(endsMs - 900_000).toISOString(),
      end: new Date(endsMs).toISOString(),
      import_kwh: '1.25',
      seq: 7,
      ...more,
    };
  }

  /** r‖s of 64 bytes (ECDSA with s ≤ n/2), or DER. */
  sign(message: Uint8Array, encoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Uint8Array {
    if (this.alg === 'Ed25519') return new Uint8Array(sign(null, message, this.privateKey));
    const value = sign('sha256', message, { key: this.privateKey, dsaEncoding: encoding });
    return encoding === 'der'
      ? new Uint8Array(value)
      : lowSSignature(this.alg, new Uint8Array(value));
  }

  /** Members of a JWS header as this device writes them. */
  jwsHeader(more: object = {}): object {
    const alg = this.alg === 'Ed25519' ? 'EdDSA' : this.alg;
    return { alg, kid: this.keyId, cty: 'reading/1', ...more };
  }

  /** A compact JWS over a payload; its payload part is left out when it is `detached`. */
  jws(
    payload: Uint8Array,
    header: object | string = this.jwsHeader(),
    detached: 'no' | 'base64' | 'raw' = 'no',
  ): string {
    const text = typeof header === 'string' ? header : JSON.stringify(header);
    const head = toBase64Url(utf8(text));
    const body = toBase64Url(payload);
    const input = detached === 'raw' ? concat(utf8(`${head}.`), payload) : utf8(`${head}.${body}`);
    return `${head}.${detached === 'no' ? body : ''}.${toBase64Url(this.sign(input))}`;
  }

  /** Protected header: alg, content type and kid. */
  coseHeader(contentType = 'reading/1', kid = true): Uint8Array {
    return concat(
      fromHex(kid ? 'a3' : 'a2'),
      fromHex(`01${COSE_ALG[this.alg]}`),
      fromHex('03'),
      cborText(contentType),
      ...(kid ? [fromHex('04'), cborBytes(fromHex(this.keyId))] : []),
    );
  }

  /** A tagged COSE_Sign1 over a document's canonical bytes, or their CBOR. */
  cose(
    canonical: Uint8Array,
    {
      header = this.coseHeader(),
      cbor,
      unprotected = fromHex('a0'),
      detached = false,
      tag = 'd2',
    }: {
      header?: Uint8Array;
      cbor?: Uint8Array;
      unprotected?: Uint8Array;
      detached?: boolean;
      tag?: string;
    } = {},
  ): Uint8Array {
    const payload = cbor ?? canonical;
    const message = coseMessage(header, false, payload);
    const parts = [
      cborBytes(header),
      unprotected,
      detached ? fromHex('f6') : cborBytes(payload),
      cborBytes(this.sign(message)),
    ];
    return concat(fromHex(tag), cborArray(...parts));
  }

  /** An OCMF record of a transaction of this meter. */
  ocmf(payload: string, signature: object = {}): string {
    const curve = this.alg === 'ES256K' ? 'secp256k1' : 'secp256r1';
    const der = Buffer.from(this.sign(utf8(payload), 'der')).toString('hex');
    return `OCMF|${payload}|${JSON.stringify({ SA: `ECDSA-${curve}-SHA256`, SD: der, ...signature })}`;
  }

  /** A payload section whose register rose by 1.2 kWh in the quarter of an hour before `endsMs`. */
  ocmfPayload(endsMs: number, more: object = {}): string {
    const time = (ms: number): string =>
      `${new Date(ms).toISOString().replace('.', ',').replace('Z', '+0000')} S`;
    return JSON.stringify({
      FV: '1.0',
      PG: 'T12',
      MS: this.meterId,
      RD: [
        { TM: time(endsMs - 900_000), TX: 'B', RV: 2.9, RI: '1-b:1.8.0', RU: 'kWh', ST: 'G' },
        { TM: time(endsMs), TX: 'E', RV: 4.1, ST: 'G' },
      ],
      ...more,
    });
  }

  canonical(document: object): Uint8Array {
    return canonicalize('reading/1', document);
  }
}
