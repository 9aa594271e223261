import fc from 'fast-check';
import { encodeRlp as referenceRlp, keccak256 } from 'ethers';
import { trieProof } from '../../src/trie-proof.js';
import { readHeader } from '../../src/verify/block-header.js';
import { bytesOf, hex } from '../../src/verify/hex.js';
import { provenValue } from '../../src/verify/merkle-patricia.js';
import { keyOf } from '../../src/verify/receipt.verifier.js';
import {
  decodeRlp,
  encodeRlp,
  MalformedRlp,
  type Rlp,
  scalar,
  scalarOf,
} from '../../src/verify/rlp.js';

const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const trieOf = (pairs: Record<string, string>, target = 0) =>
  trieProof(
    Object.entries(pairs).map(([key, value]) => ({ key: utf8(key), value: utf8(value) })),
    target,
  );

const { tree } = fc.letrec<{ tree: Rlp }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.uint8Array({ maxLength: 70 }),
    fc.array(tie('tree'), { maxLength: 6 }),
  ),
}));
/** The bytes of lists, each the only member of the one before. */
function asLists(depth: number): Uint8Array {
  const prefixes: number[][] = [];
  let length = 0;
  for (let level = 0; level < depth; level += 1) {
    const digits = length > 55 ? [...scalar(length)] : [];
    const prefix = length > 55 ? [0xf7 + digits.length, ...digits] : [0xc0 + length];
    prefixes.unshift(prefix);
    length += prefix.length;
  }
  return Uint8Array.from(prefixes.flat());
}
const hexTree = (item: Rlp): any =>
  item instanceof Uint8Array ? `0x${hex(item)}` : item.map(hexTree);

describe('RLP', () => {
  it('is written as another implementation writes it, and read back', () => {
    fc.assert(
      fc.property(tree, (item) => {
        const bytes = encodeRlp(item);
        expect(`0x${hex(bytes)}`).toBe(referenceRlp(hexTree(item)));
        expect(decodeRlp(bytes)).toEqual(item);
      }),
      { numRuns: 200 },
    );
  });

  it('has one form only, and every other is refused', () => {
    for (const text of [
      '',
      '8100',
      '817f',
      'b80100',
      'b90000',
      '8301',
      'c3',
      'c28301',
      '8080',
      'f800',
      'ff',
    ])
      expect(() => decodeRlp(bytesOf(text) as Uint8Array)).toThrow(MalformedRlp);
  });

  it('cannot be made to exhaust the stack or the time of who reads it', () => {
    expect(() => decodeRlp(asLists(20_000))).toThrow(MalformedRlp);
    expect(decodeRlp(asLists(64))).toHaveLength(1);
    expect(scalarOf(new Uint8Array(32).fill(255))).toBe(2n ** 256n - 1n);
    expect(() => scalarOf(new Uint8Array(33).fill(255))).toThrow(MalformedRlp);
  });
});

describe('a Merkle-Patricia trie', () => {
  it('has the roots of the published tests of Ethereum', () => {
    // ethereum/tests, TrieTests/trieanyorder.json: "dogs" and "puppy".
    const dogs = { doe: 'reindeer', dog: 'puppy', dogglesworth: 'cat' };
    const puppy = { do: 'verb', horse: 'stallion', doge: 'coin', dog: 'puppy' };
    expect(hex(trieOf(dogs).root)).toBe(
      '8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3',
    );
    expect(hex(trieOf(puppy).root)).toBe(
      '5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84',
    );
    for (const [i, [key, value]] of Object.entries(puppy).entries()) {
      const { root, proof } = trieOf(puppy, i);
      expect(provenValue(root, utf8(key), proof)).toEqual({ value: utf8(value) });
      expect(provenValue(root, utf8(`${key}!`), proof)).toHaveProperty('refused');
    }
  });

  it('proves each value of a block of any length, and no other value or place', () => {
    for (const count of [1, 2, 16, 17, 127, 128, 129, 300]) {
      const values = Array.from({ length: count }, (_unused, i) => ({
        key: keyOf(i),
        value: encodeRlp([scalar(i + 1), new Uint8Array(i % 60)]),
      }));
      for (const target of new Set([0, 1, 127, 128, count - 1].filter((i) => i < count))) {
        const { root, proof } = trieProof(values, target);
        expect(provenValue(root, keyOf(target), proof)).toEqual({ value: values[target].value });
        // A short neighbour stands in the same node, and is then proven with it.
        const beside = provenValue(root, keyOf(target + 1), proof);
        if ('value' in beside) expect(beside.value).toEqual(values[target + 1].value);
        expect(provenValue(root, keyOf(count + 1), proof)).toHaveProperty('refused');
        expect(provenValue(root, keyOf(target), [...proof, proof[0]])).toHaveProperty('refused');
        expect(provenValue(root, keyOf(target), proof.slice(0, -1))).toHaveProperty('refused');
        expect(provenValue(keyOf(1), keyOf(target), proof)).toHaveProperty('refused');
      }
    }
  });

  it('never proves a value from nodes of which one byte was changed', () => {
    const values = Array.from({ length: 40 }, (_unused, i) => ({
      key: keyOf(i),
      value: new Uint8Array(40).fill(i + 1),
    }));
    const { root, proof } = trieProof(values, 20);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (node, at, mask) => {
        const changed = proof.map((bytes) => bytes.slice());
        const bytes = changed[node % proof.length];
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
        expect(provenValue(root, keyOf(20), changed)).toHaveProperty('refused');
      }),
      { numRuns: 200 },
    );
  });
});

describe('a block header', () => {
  it('of Ethereum’s first block has its known hash, and is no header without its fields', () => {
    const empty = '56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
    const fields = [
      '00'.repeat(32),
      '1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347',
      '00'.repeat(20),
      'd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544',
      empty,
      empty,
      '00'.repeat(256),
      '0400000000',
      '',
      '1388',
      '',
      '',
      '11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa',
      '00'.repeat(32),
      '0000000000000042',
    ].map((text) => bytesOf(text) as Uint8Array);
    const header = readHeader(encodeRlp(fields));
    expect(header).toMatchObject({
      hash: 'd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3',
      number: 0,
      timeS: 0,
    });
    expect(`0x${header.hash}`).toBe(keccak256(encodeRlp(fields)));
    expect(() => readHeader(encodeRlp(fields.slice(1)))).toThrow(MalformedRlp);
    const at = (timeS: bigint) => readHeader(encodeRlp(fields.toSpliced(11, 1, scalar(timeS))));
    expect(new Date(at(8_640_000_000_000n).timeS * 1000).toISOString()).toMatch(/^\+275760/);
    expect(() => at(8_640_000_000_001n)).toThrow(MalformedRlp);
    expect(() =>
      readHeader(encodeRlp([...fields.slice(0, 5), fields[2], ...fields.slice(6)])),
    ).toThrow(MalformedRlp);
  });
});
