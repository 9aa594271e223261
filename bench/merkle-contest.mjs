// One contestant of merkle.bench.mjs in a process of its own: node merkle-contest.mjs NAME LEAVES ROUNDS. Prints JSON.
import { createHash, hash, randomBytes } from 'node:crypto';

const SALT_BYTES = 16;
const [name, ...numbers] = process.argv.slice(2);
const [count, rounds] = numbers.map(Number);
const logHashes = randomBytes(count * 32);
const salts = randomBytes(count * SALT_BYTES);

const HASHES = {
  createHash: (bytes) => createHash('sha256').update(bytes).digest(),
  'crypto.hash': (bytes) => hash('sha256', bytes, 'buffer'),
};
const leafAt = (i) => logHashes.subarray(i * 32, (i + 1) * 32);
const PREFIX = Buffer.of(0);
const saltedLeaf = (sha256) => (leaf, i) =>
  sha256(Buffer.concat([PREFIX, salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES), leaf]));
const asHex = (bytes) => `0x${bytes.toString('hex')}`;

/** What is measured, after everything that belongs to its input is there. */
const CONTESTANTS = {
  async wattproof(salted) {
    const { nativeHashing, nativeSaltedLeaves } =
      await import('../packages/core/dist/hashing/native-hashing.js');
    const { TreeBuilder } = await import('@wattproof/core/verify');
    return () => {
      const leaves = salted ? nativeSaltedLeaves(logHashes, salts) : logHashes;
      const tree = new TreeBuilder('rfc9162', nativeHashing).push(leaves);
      const root = tree.root();
      // Its tiles are what a batch keeps; the peers keep their layers as well.
      let kept = 0;
      for (const tile of tree.tiles()) kept += tile.hashes.length;
      if (kept < logHashes.length) throw new Error(`tiles of ${kept} bytes`);
      return root;
    };
  },
  async merkletreejs(salted, sha256) {
    const { MerkleTree } = await import('merkletreejs');
    const list = Array.from({ length: count }, (_, i) => leafAt(i));
    return () => new MerkleTree(salted ? list.map(saltedLeaf(sha256)) : list, sha256).getRoot();
  },
  async '@openzeppelin/merkle-tree'(salted, sha256) {
    const { SimpleMerkleTree } = await import('@openzeppelin/merkle-tree');
    const list = Array.from({ length: count }, (_, i) => leafAt(i));
    const hexList = list.map(asHex);
    const nodeHash = (a, b) => asHex(sha256(Buffer.from(a.slice(2) + b.slice(2), 'hex')));
    return () => {
      const leaves = salted ? list.map(saltedLeaf(sha256)).map(asHex) : hexList;
      return SimpleMerkleTree.of(leaves, { sortLeaves: false, nodeHash }).root;
    };
  },
};

const [library, variant, sha256Name] = name.split('|');
const run = await CONTESTANTS[library](variant === 'salted', HASHES[sha256Name]);
globalThis.gc();
const before = process.memoryUsage.rss() / 2 ** 20;
const times = [];
let peakMiB = 0;
for (let i = 0; i < rounds; i += 1) {
  const started = performance.now();
  run();
  times.push(performance.now() - started);
  // Of the first run alone: later ones start beside what the collector has not returned yet. maxRSS is in KiB.
  if (i === 0) peakMiB = process.resourceUsage().maxRSS / 1024 - before;
  globalThis.gc();
}
console.log(JSON.stringify({ ms: Math.min(...times), peakMiB: Math.max(0, peakMiB) }));
