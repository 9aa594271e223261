import { createHash } from 'node:crypto';
import { nativeHashing, nativeSaltedLeaves } from '../../../src/hashing/native-hashing.js';
import type { BatchProfile } from '../../../src/verify/contracts.js';
import { merkleRoot } from '../../../src/verify/merkle-tree-builder.js';
import { leafHashes, logHash } from '../../../src/verify/tree-hashing.js';

/** Bytes that repeat nowhere near a block's length, without randomness. */
function bytesOf(length: number, seed: number): Uint8Array {
  let state = seed;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const PROFILES: readonly BatchProfile[] = ['rfc9162', 'kwh-btc-iot'];
const COUNTS = [1, 2, 3, 4, 5, 255, 256, 257, 1030];

describe('hashing of the host', () => {
  it('gives the log hashes of the verifier at every length, also beyond the reused buffer, and does not overwrite them', () => {
    const kept = [0, 1, 400, 5, 65_535, 65_536, 65_537, 100_000].map((length) => {
      const bytes = bytesOf(length, length);
      return [logHash(bytes, nativeHashing), logHash(bytes)] as const;
    });
    for (const [native, pure] of kept) expect(native).toEqual(pure);
  });

  it.each(PROFILES)(
    "hashes pairs of %s four at a time into what Node's library gives",
    (profile) => {
      const prefix = Buffer.from(profile === 'rfc9162' ? [1] : []);
      for (const pairs of COUNTS) {
        const input = bytesOf(pairs * 64 + 32, pairs);
        const output = new Uint8Array(pairs * 32 + 64).fill(7);
        nativeHashing.pairs(profile)(input, 32, pairs, output, 32);
        for (let i = 0; i < pairs; i += 1) {
          const node = input.subarray(32 + 64 * i, 96 + 64 * i);
          const expected = createHash('sha256').update(prefix).update(node).digest('hex');
          expect(Buffer.from(output.subarray(32 + 32 * i, 64 + 32 * i)).toString('hex')).toBe(
            expected,
          );
        }
        expect(output.subarray(0, 32).every((byte) => byte === 7)).toBe(true);
        expect(output.subarray(32 + 32 * pairs).every((byte) => byte === 7)).toBe(true);
      }
    },
  );

  it('carries right in every lane when all bits are set', () => {
    const input = new Uint8Array(64 * 5).fill(0xff);
    const output = new Uint8Array(32 * 5);
    nativeHashing.pairs('rfc9162')(input, 0, 5, output, 0);
    const expected = createHash('sha256').update(Buffer.of(1)).update(input.subarray(0, 64));
    const hex = expected.digest('hex');
    expect(Buffer.from(output).toString('hex')).toBe(hex.repeat(5));
  });

  it('hashes a level in place', () => {
    const level = bytesOf(600 * 64, 3);
    const apart = new Uint8Array(600 * 32);
    nativeHashing.pairs('rfc9162')(level, 0, 600, apart, 0);
    nativeHashing.pairs('rfc9162')(level, 0, 600, level, 0);
    expect(level.subarray(0, 600 * 32)).toEqual(apart);
  });

  it.each(PROFILES)('gives the roots of %s that the verifier computes', (profile) => {
    for (const count of [0, 1, 2, 3, 7, 256, 257, 513]) {
      const leaves = bytesOf(count * 32, count);
      expect(merkleRoot(profile, leaves, nativeHashing)).toEqual(merkleRoot(profile, leaves));
    }
  });

  it('salts leaves four at a time into what the verifier computes', () => {
    for (const count of [0, ...COUNTS]) {
      const hashes = bytesOf(count * 32, count + 1);
      const salts = bytesOf(count * 16, count + 2);
      expect(nativeSaltedLeaves(hashes, salts)).toEqual(leafHashes('rfc9162', hashes, salts));
    }
    expect(() => nativeSaltedLeaves(new Uint8Array(64), new Uint8Array(16))).toThrow(
      expect.objectContaining({ code: 'bad_salt' }),
    );
  });
});
