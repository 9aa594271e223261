import { createHash } from 'node:crypto';
import { nativeHashing } from '../../src/hashing/native-hashing.js';
import { BatchLogTree } from '../../src/proofs/batch-log-tree.js';
import { consistencyProof } from '../../src/verify/consistency.js';
import { toHex } from '../../src/verify/bytes.js';
import { inclusionProof } from '../../src/verify/inclusion.js';
import { merkleRoot } from '../../src/verify/merkle-tree-builder.js';

const BATCHES = 10_000;
const leaves = Buffer.concat(
  Array.from({ length: 70_000 }, (_, i) => createHash('sha256').update(String(i)).digest()),
);
const leafOf = (number: number) => leaves.subarray(number * 32, number * 32 + 32);

/** A batch log that counts what is read of it. */
function countingLog() {
  const reads = { calls: 0, leaves: 0 };
  const logLeaves = async (from: number, to: number): Promise<Uint8Array> => {
    reads.calls += 1;
    reads.leaves += to - from;
    return Uint8Array.from(leaves.subarray(from * 32, to * 32));
  };
  return { reads, logLeaves };
}

describe('the tree over the batch log', () => {
  it('gives the places that the whole log gives, at every kind of size', async () => {
    const tree = new BatchLogTree(countingLog(), nativeHashing);
    const sizes = [1, 2, 255, 256, 257, 511, 512, 513, 2000, BATCHES, 65_536, 65_537, 70_000];
    const numbersOf = (size: number) => [
      ...new Set([0, Math.floor(size / 3), Math.floor(size / 2), size - 1]),
    ];
    const expected = new Map(
      sizes.map((size) => {
        const whole = leaves.subarray(0, size * 32);
        const root = merkleRoot('rfc9162', whole, nativeHashing);
        const places = numbersOf(size).map((number) => ({
          size,
          root,
          path: inclusionProof('rfc9162', whole, number, nativeHashing).map((hash) =>
            Uint8Array.from(hash),
          ),
        }));
        return [size, places];
      }),
    );
    // Smaller logs after larger ones too: evidence speaks of sizes long past.
    for (const size of [...sizes, ...sizes.toReversed()])
      for (const [i, number] of numbersOf(size).entries())
        expect(await tree.place(number, leafOf(number), size)).toEqual(expected.get(size)?.[i]);
  });

  it('reads at most two tiles for a place among 10,000 batches once it has been used', async () => {
    const { reads, logLeaves } = countingLog();
    const tree = new BatchLogTree({ logLeaves }, nativeHashing);
    await tree.place(17, leafOf(17), BATCHES);
    expect(reads.leaves).toBeLessThanOrEqual(BATCHES + 256);
    for (const number of [17, 5000, 9999, 300]) {
      const before = { ...reads };
      await tree.place(number, leafOf(number), BATCHES);
      expect(reads.calls - before.calls).toBeLessThanOrEqual(2);
      expect(reads.leaves - before.leaves).toBeLessThan(2 * 256);
    }
  });

  it('reads nothing for a place it gave before, and none of a tile at the end that it knows', async () => {
    const { reads, logLeaves } = countingLog();
    const tree = new BatchLogTree({ logLeaves }, nativeHashing);
    const place = await tree.place(100, leafOf(100), 200);
    expect(reads).toEqual({ calls: 1, leaves: 200 });
    expect(await tree.place(100, leafOf(100), 200)).toBe(place);
    await tree.place(7, leafOf(7), 150);
    expect(reads.calls).toBe(1);
    await tree.place(7, leafOf(7), 201);
    expect(reads).toEqual({ calls: 2, leaves: 401 });
  });

  it('proves growth as the whole log does, from what it keeps', async () => {
    const { reads, logLeaves } = countingLog();
    const tree = new BatchLogTree({ logLeaves }, nativeHashing);
    for (const [from, to] of [
      [69_000, 70_000],
      [1, 70_000],
      [65_536, 70_000],
      [65_537, 69_999],
      [300, 2000],
      [256, 511],
      [255, 257],
      [7, 7],
      [3, 8],
    ] as const) {
      const path = await tree.consistency(from, to);
      const whole = consistencyProof(leaves, from, to, nativeHashing);
      expect(path.map(toHex)).toEqual(whole.map(toHex));
    }
    const before = reads.leaves;
    await tree.consistency(65_536, 70_000);
    expect(reads.leaves).toBe(before);
  });

  it('reads only the end of the log when the log has grown', async () => {
    const { reads, logLeaves } = countingLog();
    const tree = new BatchLogTree({ logLeaves }, nativeHashing);
    await tree.place(9_000, leafOf(9_000), BATCHES);
    const before = reads.leaves;
    await tree.place(BATCHES, leafOf(BATCHES), BATCHES + 1);
    expect(reads.leaves - before).toBeLessThan(2 * 256);
  });

  it('stays right when it may keep next to nothing', async () => {
    const { reads, logLeaves } = countingLog();
    const capacity = { leafTiles: 1, subtreeRoots: 1, places: 1 };
    const tree = new BatchLogTree({ logLeaves }, nativeHashing, capacity);
    const first = await tree.place(700, leafOf(700), 2000);
    await tree.place(3, leafOf(3), 2000);
    const calls = reads.calls;
    expect(await tree.place(700, leafOf(700), 2000)).toEqual(first);
    expect(first.root).toEqual(merkleRoot('rfc9162', leaves.subarray(0, 2000 * 32), nativeHashing));
    expect(reads.calls).toBeGreaterThan(calls + 2);
  });
});
