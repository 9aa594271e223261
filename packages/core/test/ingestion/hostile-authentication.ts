import { devices, HOSTILE_NOW_MS, type HostileBody } from './hostile-scene.js';
import { batchMessage } from '../../src/verify/device-signing.js';
import { readDocument } from '../../src/verify/formats/default-formats.js';
import type { SentEnvelope, TestDevice } from './test-devices.js';

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same S plus the group order: a second form of the same signature (RFC 8032 §5.1.7 demands S < L). */
function plusOrder(value: string): string {
  const signature = Buffer.from(value, 'base64');
  let s = 0n;
  for (let i = 63; i >= 32; i -= 1) s = (s << 8n) | BigInt(signature[i]!);
  s += ORDER;
  for (let i = 32; i < 64; i += 1) {
    signature[i] = Number(s & 255n);
    s >>= 8n;
  }
  return signature.toString('base64');
}

/** Signatures of the wrong key, domain, algorithm, meter or state; and none at all. */
export function hostileAuthentication(): readonly HostileBody[] {
  const { active, other, pending, suspended, retired, revoked, future, es256 } = devices;
  const { unregistered, stranger } = devices;
  const rejected = (
    name: string,
    envelope: object,
    code: string,
    status = 401,
    verdict: 'rejected' | 'quarantined' = 'rejected',
  ): HostileBody => ({ name, body: JSON.stringify(envelope), expect: { verdict, code, status } });
  const reading = active.reading(HOSTILE_NOW_MS);
  const good = active.signed(reading);
  const { format, document, signature } = good;
  const value = signature?.value as string;
  const bytes = readDocument('reading/1', JSON.stringify(reading)).bytes;
  const withValue = (changed: Uint8Array | string): SentEnvelope => ({
    format,
    document,
    signature: {
      ...signature,
      value: typeof changed === 'string' ? changed : Buffer.from(changed).toString('base64'),
    },
  });
  /** The document signed by the right key over something else. */
  const over = (...parts: (string | Uint8Array)[]): SentEnvelope =>
    withValue(active.key.sign(Buffer.concat(parts.map((part) => Buffer.from(part)))));
  const { keyId } = active.key;
  const ofKey = (device: TestDevice, alg = 'Ed25519'): SentEnvelope => ({
    format,
    document,
    signature: { ...device.signature('reading/1', reading), alg },
  });
  const flipped = (at: number): SentEnvelope => {
    const changed = Buffer.from(value, 'base64');
    changed[at]! ^= 1;
    return withValue(changed);
  };
  const batch = active.batch([reading, active.reading(HOSTILE_NOW_MS - 900_000)]);
  const items = batch['items'] as object[];
  const inBatch = (name: string, envelope: object, code: string, item = 0): HostileBody => ({
    name,
    body: JSON.stringify(envelope),
    expect: { verdict: 'rejected', code, status: 200, item },
  });
  const batchSigned = (message: Uint8Array): object => ({
    ...batch,
    signature: {
      alg: 'Ed25519',
      key_id: keyId,
      value: active.key.sign(message).toString('base64'),
    },
  });
  const anyRoot = Buffer.alloc(32, 1);
  return [
    rejected('no signature', { format, document }, 'device_signature_required'),
    rejected(
      'an unsigned emlog',
      { format: 'emlog-1.1', document: active.emlog(HOSTILE_NOW_MS) },
      'device_signature_required',
    ),
    rejected(
      'an unsigned reading of an unregistered meter',
      { format, document: unregistered.reading(HOSTILE_NOW_MS) },
      'device_signature_required',
    ),
    rejected(
      'a signed reading of an unregistered meter',
      unregistered.signed(unregistered.reading(HOSTILE_NOW_MS)),
      'meter_unknown',
    ),
    rejected('an unregistered key for a registered meter', stranger.signed(reading), 'key_unknown'),
    rejected("another meter's key", ofKey(other), 'meter_mismatch', 403),
    rejected(
      "another meter's reading",
      active.signed(other.reading(HOSTILE_NOW_MS)),
      'meter_mismatch',
      403,
    ),
    rejected(
      'the key id of another key',
      { ...good, signature: { ...stranger.signature('reading/1', reading), key_id: keyId } },
      'signature_invalid',
    ),
    rejected('alg ES256 for an Ed25519 key', ofKey(active, 'ES256'), 'alg_not_allowed'),
    rejected('alg none', ofKey(active, 'none'), 'alg_not_allowed'),
    rejected('alg HS256', ofKey(active, 'HS256'), 'alg_not_allowed'),
    rejected('alg ed25519 in small letters', ofKey(active, 'ed25519'), 'alg_not_allowed'),
    rejected('an empty alg', ofKey(active, ''), 'alg_not_allowed'),
    rejected('alg Ed25519ph', ofKey(active, 'Ed25519ph'), 'alg_not_allowed'),
    rejected(
      'a key registered for ES256',
      es256.signed(es256.reading(HOSTILE_NOW_MS)),
      'alg_not_allowed',
    ),
    rejected('a revoked key', revoked.signed(revoked.reading(HOSTILE_NOW_MS)), 'key_revoked'),
    rejected(
      'a revoked key for a reading from before',
      revoked.signed(revoked.reading(HOSTILE_NOW_MS - 7_200_000)),
      'key_revoked',
    ),
    rejected(
      'a key for a time before it',
      future.signed(future.reading(HOSTILE_NOW_MS)),
      'key_not_yet_valid',
    ),
    rejected(
      'a suspended meter',
      suspended.signed(suspended.reading(HOSTILE_NOW_MS)),
      'meter_suspended',
      403,
    ),
    rejected(
      'a retired meter',
      retired.signed(retired.reading(HOSTILE_NOW_MS)),
      'meter_retired',
      403,
    ),
    rejected(
      'a pending meter',
      pending.signed(pending.reading(HOSTILE_NOW_MS)),
      'meter_pending',
      202,
      'quarantined',
    ),
    rejected(
      'a changed amount',
      { ...good, document: { ...reading, import_kwh: '1.26' } },
      'signature_invalid',
    ),
    rejected(
      'a changed time',
      { ...good, document: active.reading(HOSTILE_NOW_MS - 1) },
      'signature_invalid',
    ),
    rejected(
      'an added member',
      { ...good, document: { ...reading, status: 'ok' } },
      'signature_invalid',
    ),
    rejected(
      'the signature of another reading',
      { ...active.signed(active.reading(HOSTILE_NOW_MS - 900_000)), document },
      'signature_invalid',
    ),
    rejected('the bare canonical bytes signed', over(bytes), 'signature_invalid'),
    rejected('the logHash preimage signed', over('LOG::', bytes), 'signature_invalid'),
    rejected(
      'a domain of version 2',
      over(`wattproof/reading/v2\n${format}\n${keyId}\n`, bytes),
      'signature_invalid',
    ),
    rejected(
      'a domain without its line feed',
      over(`wattproof/reading/v1${format}\n${keyId}\n`, bytes),
      'signature_invalid',
    ),
    rejected(
      'the format left out',
      over(`wattproof/reading/v1\n${keyId}\n`, bytes),
      'signature_invalid',
    ),
    rejected(
      'another format signed',
      over(`wattproof/reading/v1\nemlog-1.1\n${keyId}\n`, bytes),
      'signature_invalid',
    ),
    rejected(
      'another key id signed',
      over(`wattproof/reading/v1\n${format}\n${other.key.keyId}\n`, bytes),
      'signature_invalid',
    ),
    rejected(
      'the registration domain',
      over(`wattproof/register/v1\n${format}\n${keyId}\n`, bytes),
      'signature_invalid',
    ),
    rejected('the batch domain', over(batchMessage(keyId, 1, anyRoot)), 'signature_invalid'),
    rejected(
      'the sent text signed instead of the canonical bytes',
      over(`wattproof/reading/v1\n${format}\n${keyId}\n`, JSON.stringify(reading)),
      'signature_invalid',
    ),
    rejected('a bit of R flipped', flipped(0), 'signature_invalid'),
    rejected('the sign of R flipped', withValue(signFlipped(value)), 'signature_invalid'),
    rejected('a bit of S flipped', flipped(32), 'signature_invalid'),
    rejected('S + L', withValue(plusOrder(value)), 'signature_invalid'),
    rejected('S with its top bit set', withValue(topBit(value)), 'signature_invalid'),
    rejected('64 zero bytes', withValue(Buffer.alloc(64)), 'signature_invalid'),
    rejected('64 bytes 0xff', withValue(Buffer.alloc(64, 255)), 'signature_invalid'),
    rejected(
      'an identity R and S = 0',
      withValue(Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])),
      'signature_invalid',
    ),
    rejected('R not canonical (p + 1)', withValue(nonCanonicalR(value)), 'signature_invalid'),
    rejected(
      '63 bytes',
      withValue(Buffer.from(value, 'base64').subarray(0, 63)),
      'signature_invalid',
    ),
    rejected(
      '65 bytes',
      withValue(Buffer.concat([Buffer.from(value, 'base64'), Buffer.alloc(1)])),
      'signature_invalid',
    ),
    rejected('an empty value', withValue(''), 'signature_invalid'),
    rejected(
      'a DER signature',
      withValue(Buffer.from(`30440220${'11'.repeat(32)}0220${'22'.repeat(32)}`, 'hex')),
      'signature_invalid',
    ),
    inBatch(
      'a batch without signature',
      { ...batch, signature: undefined },
      'device_signature_required',
    ),
    inBatch(
      'a batch in another order',
      { ...batch, items: items.toReversed() },
      'signature_invalid',
    ),
    inBatch(
      'a batch with an item less',
      { ...batch, items: items.slice(0, 1) },
      'signature_invalid',
    ),
    inBatch(
      'a batch with an item twice',
      { ...batch, items: [...items, items[0]] },
      'signature_invalid',
      2,
    ),
    inBatch(
      'a batch with another nonce',
      { ...batch, batch_nonce: Buffer.alloc(16, 8).toString('base64') },
      'signature_invalid',
    ),
    inBatch(
      'a batch signed over any root',
      batchSigned(batchMessage(keyId, 2, anyRoot)),
      'signature_invalid',
    ),
    inBatch(
      'a batch with the signature of a reading',
      { ...batch, signature },
      'signature_invalid',
    ),
    {
      name: "a batch with another meter's reading",
      body: JSON.stringify(active.batch([reading, other.reading(HOSTILE_NOW_MS)])),
      expect: {
        verdict: 'rejected',
        code: 'meter_mismatch',
        status: 200,
        item: 1,
        acceptedBeside: 1,
      },
    },
    inBatch(
      'a batch of a suspended meter',
      suspended.batch([suspended.reading(HOSTILE_NOW_MS)]),
      'meter_suspended',
    ),
    inBatch(
      'a batch of an unregistered meter',
      unregistered.batch([unregistered.reading(HOSTILE_NOW_MS)]),
      'meter_unknown',
    ),
  ];
}

function signFlipped(value: string): Buffer {
  const signature = Buffer.from(value, 'base64');
  signature[31]! ^= 0x80;
  return signature;
}

function topBit(value: string): Buffer {
  const signature = Buffer.from(value, 'base64');
  signature[63]! |= 0x80;
  return signature;
}

/** R = p + 1: a second encoding of the identity. */
function nonCanonicalR(value: string): Buffer {
  const r = Buffer.alloc(32, 255);
  r[0] = 0xee;
  r[31] = 0x7f;
  return Buffer.concat([r, Buffer.from(value, 'base64').subarray(32)]);
}
