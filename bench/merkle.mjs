// Roots of 1,000,000 leaves: this library beside two widely used ones, all with SHA-256, in one process.
// node --expose-gc bench/merkle.mjs [leaves]
import { createHash, randomBytes } from 'node:crypto';
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree';
import { MerkleTree } from 'merkletreejs';
import { nativeHashing, nativeSaltedLeaves } from '../packages/core/dist/batching/native-sha256.js';
import { TreeBuilder } from '../packages/core/dist/verify/index.js';

const count = Number(process.argv[2] ?? 1_000_000);
const leaves = randomBytes(count * 32);
const salts = randomBytes(count * 16);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const list = Array.from({ length: count }, (_, i) => leaves.subarray(i * 32, i * 32 + 32));
const hexList = list.map((leaf) => `0x${leaf.toString('hex')}`);

function measure(run) {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const started = process.hrtime.bigint();
  run();
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  const after = process.memoryUsage();
  const mib =
    (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 2 ** 20;
  return { ms: Math.round(ms), mib: Math.round(mib) };
}

const best = (run, times = 3) =>
  Array.from({ length: times }, () => measure(run)).reduce((a, b) => (b.ms < a.ms ? b : a));

const rows = {
  wattproof: best(() => {
    const tree = new TreeBuilder('rfc9162', nativeHashing).push(leaves);
    tree.root();
    for (const tile of tree.tiles()) tile.hashes.length;
  }),
  'wattproof, salted leaves hashed too': best(() => {
    const hashed = nativeSaltedLeaves(leaves, salts);
    new TreeBuilder('rfc9162', nativeHashing).push(hashed).root();
  }),
  merkletreejs: measure(() => new MerkleTree(list, sha256).getRoot()),
  'merkletreejs, salted leaves hashed too': measure(() => {
    const prefix = Buffer.of(0);
    const hashed = list.map((leaf, i) =>
      sha256(Buffer.concat([prefix, salts.subarray(i * 16, i * 16 + 16), leaf])),
    );
    new MerkleTree(hashed, sha256).getRoot();
  }),
  '@openzeppelin/merkle-tree': measure(
    () =>
      SimpleMerkleTree.of(hexList, {
        sortLeaves: false,
        nodeHash: (a, b) =>
          `0x${sha256(Buffer.concat([Buffer.from(a.slice(2), 'hex'), Buffer.from(b.slice(2), 'hex')])).toString('hex')}`,
      }).root,
  ),
};

const ours = rows.wattproof.ms;
const salted = rows['wattproof, salted leaves hashed too'].ms;
const against = (peer, own) => {
  rows[peer].ratio = Number((rows[peer].ms / own).toFixed(1));
};
against('merkletreejs', ours);
against('@openzeppelin/merkle-tree', ours);
against('merkletreejs, salted leaves hashed too', salted);
console.table(rows);
console.log(JSON.stringify({ name: 'merkle', leaves: count, rows }));
