import { createECDH, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkedDeviceKey } from '../../src/devices/device-key.js';
import { nodeEcdsaBackend, pureEcdsaBackend } from '../../src/devices/ecdsa-backend.js';
import { nodeBackend } from '../../src/devices/ed25519-backend.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import { pureEcdsaEquation, verifyEcdsa } from '../../src/verify/ecdsa.js';
import { decodeSpki, encodeSpki } from '../../src/verify/spki.js';
import { TestKey } from '../ingestion/test-devices.js';

const BACKENDS = [nodeEcdsaBackend, pureEcdsaBackend(pureEcdsaEquation)];
const VERIFIERS = BACKENDS.map((backend) => new SignatureVerifier(nodeBackend, backend));
const ORDERS = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES256K: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
} as const;
const ALGORITHMS = ['ES256', 'ES256K'] as const;

const message = Buffer.from('message');
const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bytes32 = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const joined = (r: bigint, s: bigint): Buffer => Buffer.concat([bytes32(r), bytes32(s)]);

/** What every back end says, and the offline verifier. */
function verdicts(
  spki: Uint8Array,
  signature: Uint8Array,
  signed: Uint8Array = message,
): boolean[] {
  const { alg, key } = decodeSpki(spki)!;
  return [
    ...VERIFIERS.map((verifier) => verifier.verify(spki, signed, signature)),
    verifyEcdsa(alg as 'ES256', signature, signed, key),
  ];
}

describe.each(ALGORITHMS)('Device signatures of %s', (alg) => {
  const key = new TestKey('ecdsa', alg);
  const good = key.sign(message);
  const [r, s] = [number(good.subarray(0, 32)), number(good.subarray(32))];
  const n = ORDERS[alg];

  it('are valid on every back end, and of another message or key on none', () => {
    expect(verdicts(key.spki, good)).toEqual([true, true, true]);
    expect(verdicts(key.spki, good, Buffer.from('massage'))).toEqual([false, false, false]);
    expect(verdicts(new TestKey('other', alg).spki, good)).toEqual([false, false, false]);
  });

  it.each([
    ['s in the upper half', joined(r, n - s)],
    ['r = 0', joined(0n, s)],
    ['s = 0', joined(r, 0n)],
    ['r = n', joined(n, s)],
    ['s = n', joined(r, n)],
    ['s = (n + 1) / 2', joined(r, (n + 1n) / 2n)],
    ['r = 2²⁵⁶ − 1', joined(2n ** 256n - 1n, s)],
    ['r and s exchanged', joined(s, r)],
    ['r = s = 1', joined(1n, 1n)],
    ['63 bytes', good.subarray(0, 63)],
    ['65 bytes', Buffer.concat([good, Buffer.alloc(1)])],
    ['no bytes', Buffer.alloc(0)],
    ['DER', Buffer.from('3006020101020101', 'hex')],
  ])('are refused by all of them with %s', (_name, signature) => {
    expect(verdicts(key.spki, signature)).toEqual([false, false, false]);
  });

  it('agree with any bit changed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        const signature = Buffer.from(good);
        signature[bit >> 3]! ^= 1 << (bit & 7);
        expect(verdicts(key.spki, signature)).toEqual([false, false, false]);
      }),
      { numRuns: 40 },
    );
  });

  it('are not those of the other curve, whatever the key says', () => {
    const other = alg === 'ES256' ? 'ES256K' : 'ES256';
    const swapped = encodeSpki(other, decodeSpki(key.spki)!.key)!;
    expect(verdicts(swapped, good)).toEqual([false, false, false]);
  });
});

describe.each(ALGORITHMS)('A key of %s that may be registered', (alg) => {
  const key = new TestKey('ecdsa', alg);
  const point = decodeSpki(key.spki)!.key;
  const checked = (spki: Uint8Array, named: string = alg) =>
    checkedDeviceKey(
      { alg: named, public_key: spki },
      ['Ed25519', 'ES256', 'ES256K'],
      nativeSha256,
    );
  const spkiOf = (format: 'compressed' | 'hybrid'): Buffer => {
    const curve = alg === 'ES256' ? 'prime256v1' : 'secp256k1';
    const converted = createECDH(curve).constructor as unknown as {
      convertKey(key: Uint8Array, curve: string, from?: string, to?: string, form?: string): Buffer;
    };
    const bits = converted.convertKey(point, curve, undefined, undefined, format);
    const head = Buffer.from(key.spki.subarray(0, key.spki.length - 65));
    // Two lengths of DER: of the whole, and of the bit string.
    head[1]! -= 65 - bits.length;
    head[head.length - 2]! -= 65 - bits.length;
    return Buffer.concat([head, bits]);
  };
  const offCurve = Buffer.from(key.spki);
  offCurve[offCurve.length - 1]! ^= 1;

  it('has one DER form, whose point is uncompressed and on the curve', () => {
    expect(checked(key.spki)).toEqual({ alg, keyId: key.keyId, publicKey: key.spki });
    // OpenSSL reads the compressed form: that it is refused is our rule.
    const compressed = spkiOf('compressed');
    expect(createPublicKey({ key: compressed, format: 'der', type: 'spki' }).type).toBe('public');
    for (const [spki, code] of [
      [compressed, 'public_key_invalid'],
      [spkiOf('hybrid'), 'public_key_invalid'],
      [Buffer.from(point), 'public_key_invalid'],
      [Buffer.concat([key.spki, Buffer.alloc(1)]), 'public_key_invalid'],
      [offCurve, 'key_not_on_curve'],
      [encodeSpki(alg, Buffer.concat([Buffer.of(4), Buffer.alloc(64)]))!, 'key_not_on_curve'],
      [encodeSpki(alg, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 255)]))!, 'key_not_on_curve'],
    ] as const)
      expect(() => checked(spki)).toThrow(expect.objectContaining({ code }));
  });

  it('is of the algorithm it is called, and that is one of the allowed', () => {
    const other = alg === 'ES256' ? 'ES256K' : 'ES256';
    expect(() => checked(key.spki, other)).toThrow(
      expect.objectContaining({ code: 'public_key_invalid' }),
    );
    const swapped = encodeSpki(other, point)!;
    expect(() => checked(swapped, other)).toThrow(
      expect.objectContaining({ code: 'key_not_on_curve' }),
    );
    expect(() =>
      checkedDeviceKey({ alg, public_key: key.spki }, ['Ed25519'], nativeSha256),
    ).toThrow(expect.objectContaining({ code: 'alg_not_allowed' }));
  });

  it('verifies nothing when it is no point of the curve', () => {
    expect(verdicts(offCurve, key.sign(message))).toEqual([false, false, false]);
  });
});
