import { describe, expect, it } from '@jest/globals';
import type { StoredBatch } from '../../src/batching/batch.store.js';
import { SealedReads } from '../../src/proofs/sealed-reads.js';
import { tileRows } from '../../src/verify/merkle-tiles.js';
import { sha256 } from '../../src/verify/sha256.js';

const CAPACITY = { batches: 4, tiles: 2 };

/** A tile of four hashes. */
const hashesOf = (index: number) => new Uint8Array(4 * 32).fill(index);

function open(checkpoint: { note?: string } = { note: 'signed' }) {
  const asked: string[] = [];
  const store = {
    async byNumber(number: number) {
      asked.push(`batch ${number}`);
      const { note } = checkpoint;
      return { number, ...(note === undefined ? {} : { checkpoint: note }) } as StoredBatch;
    },
    async tile(number: number, level: number, index: number) {
      asked.push(`tile ${number}/${level}/${index}`);
      return level > 2 ? undefined : hashesOf(index);
    },
  };
  const reads = new SealedReads(store, sha256, CAPACITY);
  const tile = (number: number, level: number, index: number) =>
    reads.tile({ number, profile: 'rfc9162' }, level, index);
  return { reads, tile, asked, checkpoint };
}

describe('Reads of sealed batches', () => {
  it('ask once for a signed batch, and again for one whose checkpoint is not signed yet', async () => {
    const { reads, asked, checkpoint } = open({});
    expect((await reads.batch(3))?.checkpoint).toBeUndefined();
    checkpoint.note = 'signed';
    expect((await reads.batch(3))?.checkpoint).toBe('signed');
    expect((await reads.batch(3))?.checkpoint).toBe('signed');
    expect(asked).toEqual(['batch 3', 'batch 3']);
  });

  it('ask once for a tile, which they keep with the nodes above its hashes', async () => {
    const { tile, asked } = open();
    const rows = await tile(1, 0, 5);
    expect(rows).toEqual(tileRows('rfc9162', hashesOf(5), sha256));
    expect(rows?.map((row) => row.length / 32)).toEqual([4, 2, 1, 1, 1, 1, 1, 1]);
    expect(await tile(1, 0, 5)).toBe(rows);
    await tile(1, 1, 5);
    await tile(2, 0, 5);
    expect(asked).toEqual(['tile 1/0/5', 'tile 1/1/5', 'tile 2/0/5']);
  });

  it('ask again for a tile that was missing', async () => {
    const { tile, asked } = open();
    for (let i = 0; i < 2; i += 1) expect(await tile(1, 3, 0)).toBeUndefined();
    expect(asked).toEqual(['tile 1/3/0', 'tile 1/3/0']);
  });

  it('forget what was not asked for longest when there is too much', async () => {
    const { reads, tile, asked } = open();
    for (const number of [0, 1, 2, 3, 0, 4]) await reads.batch(number);
    for (const index of [0, 1, 0, 2]) await tile(7, 0, index);
    asked.length = 0;
    await reads.batch(0);
    await reads.batch(1);
    await tile(7, 0, 0);
    await tile(7, 0, 1);
    expect(asked).toEqual(['batch 1', 'tile 7/0/1']);
  });
});
