import { createHash } from 'node:crypto';
import { branchRoot, opReturnVerifier, readTransaction } from '@wattproof/anchor-bitcoin/verify';
import type { Commitment, Evidence, JsonObject, JsonValue } from '@wattproof/core/spi';
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
      branch: block.branch(rows, index).map(hex),
      coinbase: hex(transactions[0]!),
      coinbase_branch: block.branch(rows, 0).map(hex),
      header: hex(header),
      block_hash: hex(block.doubleSha256(header).reverse()),
      height: HEIGHT,
    },
  };
}

const verify = (body: JsonObject, header?: Uint8Array, ledger = 'bitcoin:regtest') => {
  const evidence: Evidence = {
    type: 'bitcoin-op-return/1',
    anchor: 'bitcoin',
    ledger,
    trust: 'spv-pow',
    body,
  };
  const headers = header && { header: async () => Uint8Array.from(header) };
  return opReturnVerifier.verify(wanted, evidence, {
    trustedKeys: [],
    ...(headers && { headers }),
  });
};

/** Every copy that differs in one digit, and some that are of another kind. */
function* changesOf(value: JsonValue): Generator<JsonValue> {
  yield* [null, {}, true, '', [], [7], -1, 2 ** 40];
  if (typeof value === 'string')
    for (const [i, digit] of [...value].entries())
      yield value.slice(0, i) + (digit === '0' ? '1' : '0') + value.slice(i + 1);
  if (typeof value === 'number') yield* [value + 1, value - 1, value + 0.5, String(value)];
  if (Array.isArray(value))
    for (const [i, item] of (value as readonly JsonValue[]).entries())
      for (const other of changesOf(item)) yield value.toSpliced(i, 1, other);
}

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
    expect(await verify({ ...body, index: 3 }, header)).toMatchObject({
      ok: false,
      code: 'branch_refused',
    });
  });

  it('is refused at another place, or in a tree of another depth than the coinbase shows', async () => {
    const { body, header } = evidenceIn(6, 2);
    for (const index of [3, 0, 6, 8, 10, -1, 0.5, 2 ** 53])
      expect({ index, ...(await verify({ ...body, index }, header)) }).toMatchObject({ ok: false });
    const one = '00'.repeat(32);
    for (const name of ['branch', 'coinbase_branch']) {
      const branch = body[name] as string[];
      for (const other of [[...branch, one], branch.slice(1), branch.slice(0, -1), []])
        expect(await verify({ ...body, [name]: other }, header)).toMatchObject({
          code: 'branch_refused',
        });
    }
  });

  it('is refused when any field says something else, is missing, or one is added', async () => {
    for (const [count, index] of [
      [6, 4],
      [7, 6],
      [2, 1],
    ] as const) {
      const { body, header } = evidenceIn(count, index);
      expect(await verify(body, header)).toMatchObject({ trust: 'spv-pow' });
      // How many transactions the block has is nothing that headers prove.
      expect(await verify({ ...body, count }, header)).toMatchObject({
        code: 'evidence_malformed',
      });
      for (const [name, value] of Object.entries(body)) {
        for (const other of changesOf(value))
          expect({
            name,
            other,
            ...(await verify({ ...body, [name]: other }, header)),
          }).toMatchObject({ ok: false });
        const { [name]: _gone, ...rest } = body;
        expect(await verify(rest, header)).toMatchObject({ code: 'evidence_malformed' });
      }
    }
  });

  it('is refused with a witness, of which the header says nothing', async () => {
    const { body, header } = evidenceIn(2, 1);
    for (const name of ['tx', 'coinbase']) {
      const plain = body[name] as string;
      const witnessed = `${plain.slice(0, 8)}0001${plain.slice(8, -8)}0101aa${plain.slice(-8)}`;
      expect(readTransaction(Buffer.from(witnessed, 'hex')).stripped).toEqual(
        Uint8Array.from(Buffer.from(plain, 'hex')),
      );
      expect(await verify({ ...body, [name]: witnessed }, header)).toMatchObject({
        code: 'transaction_malformed',
      });
    }
  });

  it.each([
    ['a push by OP_PUSHDATA1', [0x6a, 0x4c, 0x20]],
    ['a push by OP_PUSHDATA2', [0x6a, 0x4d, 0x20, 0]],
    ['a push by OP_PUSHDATA4', [0x6a, 0x4e, 0x20, 0, 0, 0]],
    ['another opcode', [0x51, 0x20]],
    ['a push of 33 bytes', [0x6a, 0x21, 0]],
    ['two pushes', [0x6a, 0x01, 0, 0x20]],
  ])('is not seen in %s', async (_what, before) => {
    const script = Buffer.concat([Buffer.from(before), digest]);
    const { body, header } = evidenceIn(3, 1, block.transaction(Buffer.alloc(32, 9), script));
    expect(await verify(body, header)).toMatchObject({ code: 'commitment_not_in_transaction' });
  });

  it('is not seen with anything behind it', async () => {
    const script = Buffer.concat([block.commitment(digest), Buffer.of(0x51)]);
    const { body, header } = evidenceIn(3, 1, block.transaction(Buffer.alloc(32, 9), script));
    expect(await verify(body, header)).toMatchObject({ code: 'commitment_not_in_transaction' });
  });

  it('is refused with less work than the network asks for, and on a network that nobody knows', async () => {
    const { body, header } = evidenceIn(2, 1);
    expect(await verify(body, header, 'bitcoin:regtest')).toMatchObject({ ok: true });
    for (const network of ['mainnet', 'testnet', 'signet'])
      for (const given of [header, undefined])
        expect(await verify(body, given, `bitcoin:${network}`)).toMatchObject({
          code: 'work_missing',
        });
    for (const ledger of ['bitcoin:', 'bitcoin', 'bitcoin:mainnet2', 'litecoin:mainnet', ''])
      expect(await verify(body, header, ledger)).toMatchObject({ code: 'ledger_unknown' });
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
        const path = block.branch(rows, index);
        const claim = { leaf: leaves[index]!, index, depth: path.length, branch: path };
        const made = branchRoot(claim);
        expect('root' in made && hex(made.root)).toBe(hex(rows.at(-1)![0]!));
        let running: Buffer = leaves[index]!;
        claim.branch.forEach((sibling, level) => {
          const twin = claim.branch.map((one, at) => (at === level ? running : one));
          const honest = sibling.equals(running);
          const twinned = branchRoot({ ...claim, branch: twin });
          expect('root' in twinned && hex(twinned.root) === hex(rows.at(-1)![0]!)).toBe(honest);
          if (index >> level === 0 || (index >> level) % 2 === 1)
            expect('refused' in twinned).toBe(true);
          const pair = (index >> level) % 2 === 0 ? [running, sibling] : [sibling, running];
          running = block.doubleSha256(Buffer.concat(pair));
        });
      }
    }
  });

  it('repeats a node only where nothing stands to its right, on any level', () => {
    const [leaf, left, right] = [1, 2, 3].map((i) => block.doubleSha256(Buffer.of(i))) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const claim = { leaf, index: 2, depth: 2, branch: [leaf, left] };
    expect(branchRoot(claim)).toHaveProperty('root');
    expect(branchRoot({ ...claim, depth: 3, branch: [leaf, left, right] })).toHaveProperty(
      'refused',
    );
    const twin = block.doubleSha256(Buffer.concat([leaf, leaf]));
    const above = block.doubleSha256(Buffer.concat([left, twin]));
    // A level of one node is the root.
    expect(branchRoot({ ...claim, depth: 3, branch: [leaf, left, above] })).toHaveProperty(
      'refused',
    );
    expect(branchRoot({ ...claim, index: 3 })).toHaveProperty('refused');
    expect(branchRoot({ leaf, index: 0, depth: 1, branch: [leaf] })).toHaveProperty('refused');
  });
});
