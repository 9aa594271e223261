import { createHash } from 'node:crypto';
import { sha256 as nobleSha256, sha512 as nobleSha512 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../../src/verify/bytes.js';
import { sha256 } from '../../../src/verify/sha256.js';
import { INITIAL, ROUNDS } from '../../../src/verify/sha2-constants.js';
import { sha512 } from '../../../src/verify/sha512.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const word = (high: number, low: number): string =>
  (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');

/** Bytes that differ for every length and seed, without randomness. */
function message(length: number): Uint8Array {
  let state = (length * 2654435761 + 1) >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

describe('SHA-2 in plain JavaScript', () => {
  it('computes the constants that FIPS 180-4 lists', () => {
    expect(word(INITIAL.high[0]!, INITIAL.low[0]!)).toBe('6a09e667f3bcc908');
    expect(word(INITIAL.high[7]!, INITIAL.low[7]!)).toBe('5be0cd19137e2179');
    expect(word(ROUNDS.high[0]!, ROUNDS.low[0]!)).toBe('428a2f98d728ae22');
    expect(word(ROUNDS.high[63]!, ROUNDS.low[63]!)).toBe('c67178f2e372532b');
    expect(word(ROUNDS.high[79]!, ROUNDS.low[79]!)).toBe('6c44198c4a475817');
  });

  it('gives the examples of FIPS 180-4', () => {
    expect(hex(sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(hex(sha512(utf8('abc')))).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });

  it('agrees with two other implementations at every length over several blocks', () => {
    for (let length = 0; length <= 400; length += 1) {
      const bytes = message(length);
      expect(hex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(hex(sha256(bytes))).toBe(hex(nobleSha256(bytes)));
      expect(hex(sha512(bytes))).toBe(createHash('sha512').update(bytes).digest('hex'));
      expect(hex(sha512(bytes))).toBe(hex(nobleSha512(bytes)));
    }
  });

  it('carries between halves when every bit is set', () => {
    for (const length of [64, 128, 111, 112, 1000, 70_000]) {
      const bytes = new Uint8Array(length).fill(0xff);
      expect(hex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(hex(sha512(bytes))).toBe(createHash('sha512').update(bytes).digest('hex'));
    }
  });

  it('reads views into larger buffers and leaves its input as it was', () => {
    const whole = message(300);
    const before = hex(whole);
    const view = whole.subarray(7, 207);
    expect(hex(sha256(view))).toBe(hex(sha256(whole.slice(7, 207))));
    expect(hex(sha512(view))).toBe(hex(sha512(whole.slice(7, 207))));
    expect(hex(whole)).toBe(before);
  });
});
