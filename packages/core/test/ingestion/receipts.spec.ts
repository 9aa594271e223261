import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { IngestRow, StoredReceipt } from '../../src/ingestion/ingest.store.js';
import { MerklePaths } from '../../src/ingestion/merkle-paths.js';
import { nativeHashing, nativeSha256 } from '../../src/hashing/native-hashing.js';
import { ReceiptIssuer } from '../../src/ingestion/receipt-issuer.js';
import { inclusionProof } from '../../src/verify/inclusion.js';
import { parseVkey } from '../../src/verify/note.js';
import {
  readReceipt,
  receiptJson,
  receiptLeaf,
  receiptOfGroup,
  verifyReceipt,
} from '../../src/verify/receipt.js';
import { ORIGIN, TestClock, TestSigner } from './ingestion-fixture.js';

function open(signer = new TestSigner()) {
  const clock = new TestClock(Date.UTC(2026, 10, 21, 12));
  const hashing = nativeHashing;
  const options = {
    origin: ORIGIN,
    signer,
    clock,
    hashing,
    durability: 'memory',
    includeWithinMs: 5,
  } as const;
  return new ReceiptIssuer(options);
}

const rows = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    row: {
      logHash: nativeSha256(Buffer.from(`${n}`)),
      verdict: n % 3 === 0 ? 'quarantined' : 'accepted',
      ruleSet: 'rules "1"',
    } as IngestRow,
    entryId: `log_${n} “é”`,
  }));

async function storedOf(issuer: ReceiptIssuer, count: number): Promise<StoredReceipt[]> {
  const group = rows(count);
  const issued = await issuer.issue(group);
  return group.map(({ row, entryId }, index) => ({
    entryId,
    logHash: row.logHash,
    verdict: row.verdict,
    ruleSet: row.ruleSet,
    durability: 'memory',
    index,
    ...issued,
  }));
}

describe('Receipts', () => {
  it.each([1, 2, 3, 7, 8, 9])(
    'of a group of %i are what the verifier makes and accepts',
    async (count) => {
      const signer = new TestSigner();
      const issuer = open(signer);
      const key = parseVkey(signer.vkey);
      for (const stored of await storedOf(issuer, count)) {
        const claim = { ...stored, origin: ORIGIN, rules: stored.ruleSet };
        expect(Buffer.from(stored.leaves[stored.index]!)).toEqual(Buffer.from(receiptLeaf(claim)));
        const expected = receiptOfGroup(claim, stored.index, stored.leaves, key, stored.signature);
        const text = JSON.stringify(issuer.receiptJson(stored));
        expect(text).toBe(JSON.stringify(receiptJson(expected)));
        expect(verifyReceipt(readReceipt(JSON.parse(text)))).toBeUndefined();
      }
      expect(signer.signatures).toBe(1);
    },
  );

  it('are written again byte for byte by a gateway that was started anew', async () => {
    const first = open();
    const [stored] = await storedOf(first, 5);
    const copy = { ...stored!, leaves: stored!.leaves.map((leaf) => Uint8Array.from(leaf)) };
    expect(JSON.stringify(open().receiptJson(copy))).toBe(
      JSON.stringify(first.receiptJson(stored!)),
    );
  });

  it('are not issued under the name of another key', () => {
    const signer = Object.assign(new TestSigner(), { name: ORIGIN });
    expect(() => open(signer)).toThrow(`receipts are signed by ${ORIGIN}/receipts`);
  });
});

describe('Paths of a whole tree', () => {
  it('are those of RFC 9162, for every leaf of every size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (count) => {
        const leaves = rows(count).map(({ row }) => row.logHash);
        const paths = new MerklePaths(leaves, nativeHashing);
        for (const index of leaves.keys())
          expect(paths.path(index)).toEqual(inclusionProof('rfc9162', leaves, index));
      }),
      { numRuns: 20 },
    );
  });
});
