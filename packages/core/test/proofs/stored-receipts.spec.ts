import { createHash } from 'node:crypto';
import { nativeHashing } from '../../src/hashing/native-hashing.js';
import { StoredReceipts } from '../../src/proofs/stored-receipts.js';
import type { StoredReceipt } from '../../src/ingestion/ingest.store.js';
import { inclusionProof } from '../../src/verify/inclusion.js';
import { formatVkey, noteKey } from '../../src/verify/note.js';

const ORIGIN = 'receipts.test/log';
const hash = (text: string) => Uint8Array.from(createHash('sha256').update(text).digest());
const vkey = formatVkey(noteKey(`${ORIGIN}/receipts`, hash('key')));

/** Receipt `index` of the group `group`, which has `size` of them. */
function receiptOf(group: string, index: number, size: number): StoredReceipt {
  return {
    entryId: `log_${group}${index}`,
    logHash: hash(`entry ${group} ${index}`),
    verdict: 'accepted',
    ruleSet: 'rules',
    committedAtMs: 1000,
    includeByMs: 2000,
    durability: 'memory',
    keyId: vkey,
    signature: hash(`signature of ${group}`),
    index,
    leaves: Array.from({ length: size }, (_, i) => hash(`leaf ${group} ${i}`)),
  };
}

function open(...stored: StoredReceipt[]) {
  const asked: string[] = [];
  const byId = new Map(stored.map((receipt) => [receipt.entryId, receipt]));
  const entries = {
    async claim(id: string) {
      const { leaves: _leaves, ...claim } = byId.get(id) ?? {};
      return 'entryId' in claim ? (claim as StoredReceipt) : undefined;
    },
    async receipt(id: string) {
      asked.push(id);
      return byId.get(id);
    },
  };
  const parts = { entries, origin: ORIGIN, hashing: nativeHashing };
  return { byId, asked, receipts: new StoredReceipts(parts, { groups: 2, keys: 1 }) };
}

describe('Stored receipts', () => {
  it('have the paths of their groups, for every place in groups of every size', async () => {
    for (const size of [1, 2, 3, 7, 8, 9])
      for (let index = 0; index < size; index += 1) {
        const stored = receiptOf('a', index, size);
        const { receipts } = open(stored);
        const path = inclusionProof('rfc9162', stored.leaves, index);
        expect(await receipts.of(stored.entryId)).toMatchObject({
          origin: ORIGIN,
          rules: 'rules',
          index,
          size,
          path,
        });
      }
  });

  it('read the leaves of a group once while it is remembered, and never take those of another', async () => {
    const groups = ['a', 'b', 'c'].flatMap((group) => [0, 1].map((i) => receiptOf(group, i, 2)));
    const { receipts, asked } = open(...groups);
    const pathOf = async (id: string) => (await receipts.of(`log_${id}`))?.path;
    for (const id of ['a0', 'a1', 'b1', 'a0', 'c0', 'b0'])
      expect(await pathOf(id)).toEqual([hash(`leaf ${id[0]} ${id[1] === '0' ? 1 : 0}`)]);
    expect(asked).toEqual(['log_a0', 'log_b1', 'log_c0', 'log_b0']);
  });

  it('speak of the newest verdict, also when it comes in between', async () => {
    const { receipts, byId, asked } = open(receiptOf('a', 0, 2));
    await receipts.of('log_a0');
    byId.set('log_a0', { ...receiptOf('b', 0, 3), entryId: 'log_a0', verdict: 'flagged' });
    expect(await receipts.of('log_a0')).toMatchObject({ verdict: 'flagged', size: 3 });
    expect(asked).toEqual(['log_a0', 'log_a0']);
    expect(await receipts.of('log_none')).toBeUndefined();
  });
});
