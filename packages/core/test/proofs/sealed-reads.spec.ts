import { describe, expect, it } from '@jest/globals';
import type { StoredBatch } from '../../src/batching/batch.store.js';
import { SealedReads } from '../../src/proofs/sealed-reads.js';

function open(checkpoint: { note?: string } = { note: 'signed' }) {
  const asked: string[] = [];
  const reads = new SealedReads({
    async byNumber(number) {
      asked.push(`batch ${number}`);
      const { note } = checkpoint;
      return { number, ...(note === undefined ? {} : { checkpoint: note }) } as StoredBatch;
    },
    async tile(number, level, index) {
      asked.push(`tile ${number}/${level}/${index}`);
      return level > 2 ? undefined : Uint8Array.of(number, level, index);
    },
  });
  return { reads, asked, checkpoint };
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

  it('ask once for an upper tile, each time for a lowest one, and again for one that was missing', async () => {
    const { reads, asked } = open();
    for (let i = 0; i < 2; i += 1) {
      expect(await reads.tile(1, 1, 5)).toEqual(Uint8Array.of(1, 1, 5));
      expect(await reads.tile(1, 0, 5)).toEqual(Uint8Array.of(1, 0, 5));
      expect(await reads.tile(1, 3, 0)).toBeUndefined();
    }
    expect(await reads.tile(2, 1, 5)).toEqual(Uint8Array.of(2, 1, 5));
    const twice = ['tile 1/0/5', 'tile 1/3/0'];
    expect(asked.toSorted()).toEqual([...twice, ...twice, 'tile 1/1/5', 'tile 2/1/5'].toSorted());
  });

  it('forget the oldest batch when there are too many', async () => {
    const { reads, asked } = open();
    for (let number = 0; number <= 256; number += 1) await reads.batch(number);
    asked.length = 0;
    await reads.batch(256);
    await reads.batch(0);
    expect(asked).toEqual(['batch 0']);
  });
});
