import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Point } from '@noble/ed25519';
import fc from 'fast-check';
// @ts-expect-error the package ships no types
import sodium from 'sodium-native';
import {
  loadEd25519Backend,
  nodeBackend,
  pureBackend,
  sodiumBackend,
} from '../../src/devices/ed25519-backend.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import { isPrimeOrderKey, verifyEd25519 } from '../../src/verify/ed25519.js';
import { encodeSpki } from '../../src/verify/spki.js';
import { TestKey } from '../ingestion/test-devices.js';

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const PRIME = 2n ** 255n - 19n;

const toNumber = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
const toBytes = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const times = (point: Point, scalar: bigint): Point => point.multiply(scalar % ORDER, false);

/** A point of order 8: L times any point with a torsion part. */
const T8 = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const TORSION = Array.from({ length: 8 }, (_, n) => times(T8, BigInt(n)));

const SECRET = 123_456_789_123_456_789n;
const NONCE = 987_654_321n;
const KEY = times(Point.BASE, SECRET);

function challenge(r: Uint8Array, a: Uint8Array, message: Uint8Array): bigint {
  return toNumber(createHash('sha512').update(r).update(a).update(message).digest()) % ORDER;
}

interface Case {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly valid: boolean;
}

/** S = r + k·a for given encodings of R and A: valid iff the equation also holds in the torsion part. */
function signedWith(
  name: string,
  valid: boolean,
  a: Uint8Array,
  r: Uint8Array,
  nonce: bigint,
  text = 'message',
  shift = 0n,
): Case {
  const message = Buffer.from(text);
  const s = ((nonce + challenge(r, a, message) * SECRET) % ORDER) + shift;
  return { name, valid, publicKey: a, message, signature: Buffer.concat([r, toBytes(s)]) };
}

const a = KEY.toBytes();
const r = times(Point.BASE, NONCE).toBytes();
const bare = (name: string, publicKey: Uint8Array, rBytes: Uint8Array, s: bigint): Case => ({
  name,
  valid: false,
  publicKey,
  message: Buffer.from('message'),
  signature: Buffer.concat([rBytes, toBytes(s)]),
});

/** Eight messages under which a key with a torsion part meets every residue of k mod 8. */
function mixedKeyCases(): Case[] {
  const mixed = KEY.add(T8).toBytes();
  return Array.from({ length: 24 }, (_, n) => {
    const k = challenge(r, mixed, Buffer.from(`message ${n}`));
    // k·A has no torsion part only when 8 divides k: there, and only there, the equation holds.
    return signedWith(
      `mixed-order key, k mod 8 = ${k % 8n} (${n})`,
      k % 8n === 0n,
      mixed,
      r,
      NONCE,
      `message ${n}`,
    );
  });
}

const NON_CANONICAL = [PRIME, PRIME + 1n, PRIME + 3n, 2n ** 255n - 1n].flatMap((y) => [
  toBytes(y),
  toBytes(y | (1n << 255n)),
]);
/** x = 0 with the sign bit: y = 1 and y = −1. */
const NEGATIVE_ZERO = [toBytes(1n | (1n << 255n)), toBytes((PRIME - 1n) | (1n << 255n))];

const CASES: readonly Case[] = [
  signedWith('a good signature', true, a, r, NONCE),
  signedWith('an empty message', true, a, r, NONCE, ''),
  signedWith('S + L', false, a, r, NONCE, 'message', ORDER),
  signedWith('S + 2 L', false, a, r, NONCE, 'message', 2n * ORDER),
  signedWith('S = S + 2²⁵⁵', false, a, r, NONCE, 'message', 1n << 255n),
  signedWith('an R of the identity with a fitting S', true, a, Point.ZERO.toBytes(), 0n),
  ...TORSION.slice(1).map((point, n) =>
    signedWith(
      `an R of small order ${n + 1} (valid only cofactored)`,
      false,
      a,
      point.toBytes(),
      0n,
    ),
  ),
  ...TORSION.slice(1).map((point, n) =>
    signedWith(
      `R with torsion part ${n + 1} (valid only cofactored)`,
      false,
      a,
      times(Point.BASE, NONCE).add(point).toBytes(),
      NONCE,
    ),
  ),
  ...TORSION.flatMap((point, n) =>
    TORSION.map((rPoint, m) =>
      bare(
        `key of small order ${n}, R of small order ${m}, S = 0`,
        point.toBytes(),
        rPoint.toBytes(),
        0n,
      ),
    ),
  ),
  ...NON_CANONICAL.map((bytes, n) => bare(`key not canonical ${n}`, bytes, r, 0n)),
  ...NON_CANONICAL.map((bytes, n) => signedWith(`R not canonical ${n}`, false, a, bytes, 0n)),
  ...NEGATIVE_ZERO.map((bytes, n) => bare(`key x = −0 ${n}`, bytes, Point.ZERO.toBytes(), 0n)),
  ...NEGATIVE_ZERO.map((bytes, n) => signedWith(`R x = −0 ${n}`, false, a, bytes, 0n)),
  ...mixedKeyCases(),
  bare('a key that is no point', toBytes(2n), r, 1n),
  bare('an R that is no point', a, toBytes(2n), 1n),
  bare('all zero', new Uint8Array(32), new Uint8Array(32), 0n),
  { ...signedWith('63 bytes', false, a, r, NONCE), signature: Buffer.alloc(63) },
  { ...signedWith('no bytes', false, a, r, NONCE), signature: Buffer.alloc(0) },
];

const BACKENDS = [sodiumBackend(sodium), nodeBackend, pureBackend];

describe.each(BACKENDS)('Device signatures over $name', (backend) => {
  it.each(CASES)(
    'follow the acceptance rule: $name',
    ({ publicKey, message, signature, valid }) => {
      const spki = encodeSpki('Ed25519', publicKey)!;
      const verifier = new SignatureVerifier(backend);
      expect(verifier.verify(spki, message, signature)).toBe(valid);
      // The same answer from the remembered key, and from the offline verifier.
      expect(verifier.verify(spki, message, signature)).toBe(valid);
      expect(verifyEd25519(signature, message, publicKey)).toBe(valid);
    },
  );

  it('leave key and signature bytes as they are', () => {
    const key = new TestKey('untouched');
    const signature = key.sign(Buffer.from('m'));
    const before = [Buffer.from(key.spki), Buffer.from(signature)];
    expect(new SignatureVerifier(backend).verify(key.spki, Buffer.from('m'), signature)).toBe(true);
    expect([key.spki, signature]).toEqual(before);
  });

  it('refuse keys that are not Ed25519 SPKI', () => {
    const verifier = new SignatureVerifier(backend);
    for (const length of [0, 32, 43, 45, 91])
      expect(verifier.verify(Buffer.alloc(length, 1), Buffer.from('m'), Buffer.alloc(64))).toBe(
        false,
      );
  });
});

describe('Back ends', () => {
  it('agree on good signatures with any bit changed', () => {
    const key = new TestKey('property');
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.integer({ min: -64, max: 511 }),
        (message, bit) => {
          const signature = key.sign(message);
          if (bit >= 0) signature[bit >> 3]! ^= 1 << (bit & 7);
          const answers = BACKENDS.map((backend) =>
            new SignatureVerifier(backend).verify(key.spki, message, signature),
          );
          expect(answers).toEqual([bit < 0, bit < 0, bit < 0]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('prefer sodium-native and fall back to OpenSSL when it is absent or useless', async () => {
    expect((await loadEd25519Backend()).name).toBe('sodium-native');
    const absent = async (): Promise<never> => Promise.reject(new Error('not installed'));
    expect((await loadEd25519Backend(absent)).name).toBe('node:crypto');
    expect((await loadEd25519Backend(async () => ({ default: {} }))).name).toBe('node:crypto');
  });
});

describe('Keys that may be registered', () => {
  it('are those without a torsion part', () => {
    expect(isPrimeOrderKey(a)).toBe(true);
    for (const point of TORSION) expect(isPrimeOrderKey(point.toBytes())).toBe(false);
    for (const point of TORSION.slice(1))
      expect(isPrimeOrderKey(KEY.add(point).toBytes())).toBe(false);
  });
});
