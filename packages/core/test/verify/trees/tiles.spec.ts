import { createHash } from 'node:crypto';
import { nativeHashing, nativeSaltedLeaves } from '../../../src/hashing/native-hashing.js';
import { equal, toHex } from '../../../src/verify/bytes.js';
import type { BatchProfile } from '../../../src/verify/contracts.js';
import { inclusionProof, verifyInclusion } from '../../../src/verify/inclusion.js';
import {
  appendToFrontier,
  frontierRoot,
  type Frontier,
} from '../../../src/verify/merkle-frontier.js';
import { inclusionProofFromTiles, tileRows } from '../../../src/verify/merkle-tiles.js';
import { merkleRoot, TreeBuilder } from '../../../src/verify/merkle-tree-builder.js';
import { leafHash, leafHashes } from '../../../src/verify/tree-hashing.js';

const PROFILES: readonly BatchProfile[] = ['rfc9162', 'kwh-btc-iot'];

/** Fails who hashes. */
const nowhere = (): never => {
  throw new Error('nothing is left to hash');
};

function leavesOf(count: number): Uint8Array {
  const out = new Uint8Array(count * 32);
  for (let i = 0; i < count; i += 1)
    out.set(createHash('sha256').update(`leaf ${i}`).digest(), i * 32);
  return out;
}

describe.each(PROFILES)('trees of profile %s', (profile) => {
  it('have the same root hashed natively, in small steps and at once', () => {
    for (const count of [0, 1, 2, 3, 5, 255, 256, 257, 513, 1000]) {
      const leaves = leavesOf(count);
      const root = toHex(merkleRoot(profile, leaves));
      const stepped = new TreeBuilder(profile, nativeHashing);
      for (let at = 0; at < leaves.length; at += 3 * 32)
        stepped.push(leaves.subarray(at, at + 3 * 32));
      let steps = 1;
      while (!stepped.step(100)) steps += 1;
      expect(toHex(stepped.root())).toBe(root);
      expect(steps).toBeGreaterThanOrEqual(Math.floor(count / 300));
    }
  });

  it('give the same proofs from tiles as from leaves, and each of them verifies', async () => {
    for (const size of [1, 2, 255, 256, 257, 511, 700, 66_000]) {
      const leaves = leavesOf(size);
      const builder = new TreeBuilder(profile, nativeHashing).push(leaves);
      const root = builder.root();
      const tiles = new Map([...builder.tiles()].map((t) => [`${t.level}/${t.index}`, t.hashes]));
      const read = async (level: number, index: number) => tiles.get(`${level}/${index}`);
      for (const index of new Set([0, size >> 1, size - 2, size - 1].filter((i) => i >= 0))) {
        const path = await inclusionProofFromTiles(profile, size, index, read, nativeHashing);
        expect(path.map(toHex)).toEqual(
          inclusionProof(profile, leaves, index, nativeHashing).map(toHex),
        );
        // The same with the nodes between tiles kept beside their hashes.
        const readRows = async (level: number, tile: number) =>
          tileRows(profile, (await read(level, tile))!, nativeHashing);
        const fromRows = await inclusionProofFromTiles(profile, size, index, readRows, nowhere);
        expect(fromRows).toEqual(path);
        const leaf = leaves.slice(index * 32, index * 32 + 32);
        expect(verifyInclusion({ profile, leaf, index, size, path, root })).toBe(true);
        const wrong = { profile, leaf, index, size: size * 4, path, root };
        expect(verifyInclusion(wrong)).toBe(false);
      }
    }
  });

  it('name the tile that is missing', async () => {
    await expect(
      inclusionProofFromTiles(profile, 300, 299, async () => undefined),
    ).rejects.toMatchObject({ code: 'bad_tile' });
  });
});

describe('profile kwh-btc-iot', () => {
  it('refuses every place of a repeated tail, for all sizes up to 64', () => {
    for (let size = 3; size <= 64; size += 1) {
      const leaves = leavesOf(size);
      const root = merkleRoot('kwh-btc-iot', leaves);
      // The lowest complete group that the odd node of some level repeats.
      for (let group = 1; group < size; group *= 2) {
        if (Math.ceil(size / group) % 2 === 0 || size % group !== 0) continue;
        const forged = new Uint8Array((size + group) * 32);
        forged.set(leaves);
        forged.set(leaves.subarray((size - group) * 32), size * 32);
        if (!equal(merkleRoot('kwh-btc-iot', forged), root)) continue;
        for (let index = size; index < size + group; index += 1) {
          const path = inclusionProof('kwh-btc-iot', forged, index);
          const leaf = forged.slice(index * 32, index * 32 + 32);
          expect(
            verifyInclusion({
              profile: 'kwh-btc-iot',
              leaf,
              index,
              size: size + group,
              path,
              root,
            }),
          ).toBe(false);
        }
      }
    }
  });
});

describe('growing and salted trees', () => {
  it('a frontier has the root of the whole tree at every size', () => {
    const leaves = leavesOf(70);
    let frontier: Frontier = { size: 0, hashes: [] };
    for (let size = 1; size <= 70; size += 1) {
      frontier = appendToFrontier(frontier, leaves.slice((size - 1) * 32, size * 32));
      const whole = merkleRoot('rfc9162', leaves.subarray(0, size * 32));
      expect(toHex(frontierRoot(frontier))).toBe(toHex(whole));
    }
  });

  it('many salted leaves are the same as one at a time', () => {
    const hashes = leavesOf(5);
    const salts = leavesOf(5).slice(0, 80);
    const all = leafHashes('rfc9162', hashes, salts, nativeHashing.sha256);
    expect(toHex(nativeSaltedLeaves(hashes, salts))).toBe(toHex(all));
    for (let i = 0; i < 5; i += 1)
      expect(toHex(all.slice(i * 32, i * 32 + 32))).toBe(
        toHex(
          leafHash('rfc9162', hashes.slice(i * 32, i * 32 + 32), salts.slice(i * 16, i * 16 + 16)),
        ),
      );
  });
});
