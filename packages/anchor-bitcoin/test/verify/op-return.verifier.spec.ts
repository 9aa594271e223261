import { createHash } from 'node:crypto';
import { branchRoot, opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { Commitment, Evidence, JsonObject } from '@wattproof/core/spi';
import * as block from './synthetic-block.js';

const HEIGHT = 70_000;
const digest = createHash('sha256').update('commitment').digest();
const wanted: Commitment = { origin: 'test', size: 1n, root: new Uint8Array(32), digest };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const filler = (i: number) => block.transaction(Buffer.alloc(32, i + 1), Buffer.of(0x51));

interface Made {
  readonly body: JsonObject;
  readonly header: Buffer;
}

/** Evidence of a commitment that is transaction `index` of a block of `count`. */
function evidenceIn(
  count: number,
  index: number,
  tx = block.transaction(Buffer.alloc(32, 9), block.commitment(digest)),
): Made {
  const transactions = Array.from({ length: count }, (_unused, i) => filler(i));
  transactions[0] = block.coinbase(HEIGHT);
  transactions[index] = tx;
  return evidenceOf(transactions, index);
}

function evidenceOf(transactions: readonly Buffer[], index: number): Made {
  const rows = block.levels(transactions.map(block.doubleSha256));
  const header = block.header(rows.at(-1)![0]!);
  return {
    header,
    body: {
      tx: hex(transactions[index]!),
      index,
      count: transactions.length,
      branch: block.branch(rows, index).map(hex),
      coinbase: hex(transactions[0]!),
      coinbase_branch: block.branch(rows, 0).map(hex),
      header: hex(header),
      block_hash: hex(block.doubleSha256(header).reverse()),
      height: HEIGHT,
    },
  };
}

const verify = (body: JsonObject, header?: Uint8Array) => {
  const evidence: Evidence = {
    type: 'bitcoin-op-return/1',
    anchor: 'bitcoin',
    ledger: 'bitcoin:regtest',
    trust: 'spv-pow',
    body,
  };
  const headers = header && { header: async () => Uint8Array.from(header) };
  return opReturnVerifier.verify(wanted, evidence, {
    trustedKeys: [],
    ...(headers && { headers }),
  });
};

describe('a commitment in a block', () => {
  it('is proven at every place of a block of any size', async () => {
    for (let count = 2; count <= 12; count += 1)
      for (let index = 1; index < count; index += 1) {
        const { body, header } = evidenceIn(count, index);
        expect({ count, index, ...(await verify(body, header)) }).toMatchObject({
          ok: true,
          trust: 'spv-pow',
        });
      }
  });

  it('is not proven by headers that have another block there, and by the operator alone without any', async () => {
    const { body, header } = evidenceIn(5, 3);
    expect(await verify(body, evidenceIn(4, 3).header)).toMatchObject({
      code: 'header_not_on_chain',
    });
    expect(await verify(body)).toMatchObject({ ok: true, trust: 'operator' });
    expect(await verify(body, header)).toMatchObject({
      trust: 'spv-pow',
      notAfterMs: 1_760_000_000_000,
    });
  });

  it('is refused when the last transaction is said to stand twice (CVE-2012-2459)', async () => {
    for (const count of [3, 5, 6, 7, 9, 11, 13]) {
      const { body, header } = evidenceIn(count, count - 1);
      // The list with its end repeated has the same root, so the forged block is this very block.
      const last = Buffer.from(body['tx'] as string, 'hex');
      const odd = count % 2 === 1;
      const again = odd ? 1 : 2;
      const transactions = Array.from({ length: count }, (_unused, i) => filler(i));
      transactions[0] = block.coinbase(HEIGHT);
      transactions[count - 1] = last;
      const doubled = [...transactions, ...transactions.slice(-again)];
      const forged = evidenceOf(doubled, doubled.length - 1);
      expect(hex(forged.header)).toBe(hex(header));
      expect(await verify(forged.body, header)).toMatchObject({
        ok: false,
        code: 'branch_refused',
      });
    }
    const { body, header } = evidenceIn(3, 2);
    const moved = { ...body, index: 3, count: 4 };
    expect(await verify(moved, header)).toMatchObject({ ok: false, code: 'branch_refused' });
  });

  it('is refused when its block is said to be of another depth', async () => {
    const { body, header } = evidenceIn(6, 2);
    for (const count of [1, 2, 3, 4, 9, 16, 1_000_001, 6.5, -6])
      expect(await verify({ ...body, count }, header)).toMatchObject({
        ok: false,
        code: 'branch_refused',
      });
    for (const index of [3, 0, 6, -1, 0.5, 2 ** 53])
      expect({ index, ...(await verify({ ...body, index }, header)) }).toMatchObject({ ok: false });
    const longer = [...(body['branch'] as string[]), '00'.repeat(32)];
    expect(await verify({ ...body, branch: longer }, header)).toMatchObject({
      code: 'branch_refused',
    });
  });

  it('is refused as an inner node of the tree, alone or with a coinbase of the same depth (CVE-2017-12842)', async () => {
    // Two leaves of which the first holds the bytes of an output would be one level up.
    const node = Buffer.concat([Buffer.alloc(32, 1), digest]);
    const { body, header } = evidenceIn(4, 2);
    expect(await verify({ ...body, tx: hex(node) }, header)).toMatchObject({
      code: 'transaction_ambiguous',
    });
    expect(await verify({ ...body, coinbase: hex(node) }, header)).toMatchObject({
      code: 'transaction_ambiguous',
    });
    // A transaction of exactly 64 bytes that is well formed, and in its block.
    const short = block.transaction(Buffer.alloc(32, 3), Buffer.of(0x51, 0x51, 0x51, 0x51));
    expect(short.length).toBe(64);
    const honest = evidenceIn(4, 2, short);
    expect(await verify(honest.body, honest.header)).toMatchObject({
      code: 'transaction_ambiguous',
    });
  });

  it('is refused behind a first transaction that is no coinbase, or states another height', async () => {
    const commit = block.transaction(Buffer.alloc(32, 9), block.commitment(digest));
    const without = evidenceOf([filler(5), commit], 1);
    expect(await verify(without.body, without.header)).toMatchObject({ code: 'coinbase_invalid' });
    const { body, header } = evidenceIn(2, 1);
    expect(await verify({ ...body, height: HEIGHT + 1 }, header)).toMatchObject({
      code: 'height_mismatch',
    });
  });

  it('is refused without proof of work, whatever target the header names', async () => {
    const { body } = evidenceIn(2, 1);
    const root = Buffer.from(body['header'] as string, 'hex').subarray(36, 68);
    for (const bits of [0x1d00ffff, 0x00ffffff, 0x2000_0000, 0x2080_0001, 0xff7f_ffff]) {
      const header = block.header(root, bits);
      const forged = {
        ...body,
        header: hex(header),
        block_hash: hex(block.doubleSha256(header).reverse()),
      };
      expect({ bits, ...(await verify(forged, header)) }).toMatchObject({
        ok: false,
        code: 'work_missing',
      });
    }
  });

  it('is refused in a transaction that cannot be read to its last byte, or commits twice', async () => {
    const { body, header } = evidenceIn(2, 1);
    const tx = body['tx'] as string;
    for (const other of [
      `${tx}00`,
      tx.slice(0, -2),
      tx.slice(0, 10),
      `${tx.slice(0, 8)}00${tx.slice(10)}`,
      '00'.repeat(400_001),
    ])
      expect(await verify({ ...body, tx: other }, header)).toMatchObject({
        code: 'transaction_malformed',
      });
    const one = block.transaction(Buffer.alloc(32, 9), block.commitment(digest));
    const output = one.subarray(47, one.length - 4);
    const twice = Buffer.concat([
      one.subarray(0, 46),
      Buffer.of(2),
      output,
      output,
      Buffer.alloc(4),
    ]);
    const made = evidenceIn(3, 1, twice);
    expect(await verify(made.body, made.header)).toMatchObject({
      code: 'commitment_not_in_transaction',
    });
  });
});

describe('a branch of a block', () => {
  it('leads to the root from every leaf, and from none with a sibling repeated elsewhere', () => {
    for (let count = 1; count <= 13; count += 1) {
      const leaves = Array.from({ length: count }, (_unused, i) =>
        block.doubleSha256(Buffer.of(i)),
      );
      const rows = block.levels(leaves);
      for (let index = 0; index < count; index += 1) {
        const claim = { leaf: leaves[index]!, index, count, branch: block.branch(rows, index) };
        const made = branchRoot(claim);
        expect('root' in made && hex(made.root)).toBe(hex(rows.at(-1)![0]!));
        let running: Buffer = leaves[index]!;
        claim.branch.forEach((sibling, level) => {
          const twin = claim.branch.map((one, at) => (at === level ? running : one));
          const honest = sibling.equals(running);
          expect('refused' in branchRoot({ ...claim, branch: twin })).toBe(!honest);
          const pair = (index >> level) % 2 === 0 ? [running, sibling] : [sibling, running];
          running = block.doubleSha256(Buffer.concat(pair));
        });
      }
    }
  });
});
