/**
 * Roots of a million leaves with SHA-256: profile rfc9162 beside merkletreejs and @openzeppelin/merkle-tree, each with
 * Node's createHash, which their documentation shows, and with its faster one-shot hash. From leaf hashes, and with the
 * hashing of salted leaves. Every contestant has a process of its own and its best run counts: of three, of the one library
 * that takes a minute for each, one. Option: --quick.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { round } from './measure.mjs';

const LEAVES = process.argv.includes('--quick') ? 100_000 : 1_000_000;
const HASHES = ['createHash', 'crypto.hash'];
const FAST = HASHES.map((sha256) => ({ library: 'merkletreejs', sha256, rounds: 3 }));
const SLOW = HASHES.map((sha256) => ({ library: '@openzeppelin/merkle-tree', sha256, rounds: 1 }));
const VARIANTS = [
  { variant: 'leaf hashes', target: 5, peers: [...FAST, ...SLOW] },
  // The slow one only gets slower by hashing leaves too.
  { variant: 'salted', target: 4, peers: FAST },
];
const HEAP_MIB = 6_144;

export const name = `Merkle root of ${LEAVES.toLocaleString('en')} leaves`;

export async function run() {
  const rows = [];
  for (const { variant, target, peers: asked } of VARIANTS) {
    const ours = await contest(variant, { library: 'wattproof', sha256: 'native', rounds: 5 });
    const peers = [];
    for (const peer of asked) peers.push({ ...peer, ...(await contest(variant, peer)) });
    const fastest = Math.min(...peers.map(({ ms }) => ms));
    rows.push({
      from: variant,
      library: 'wattproof',
      sha256: 'native',
      ms: round(ours.ms, 0),
      peakMiBAboveInput: round(ours.peakMiB, 0),
      timesFasterThanFastestPeer: round(fastest / ours.ms, 1),
      target,
    });
    for (const { library, sha256, ms, peakMiB } of peers)
      rows.push({
        from: variant,
        library,
        sha256,
        ms: round(ms, 0),
        peakMiBAboveInput: round(peakMiB, 0),
        slowerThanWattproof: round(ms / ours.ms, 1),
      });
  }
  return rows;
}

async function contest(variant, { library, sha256, rounds }) {
  const program = join(import.meta.dirname, 'merkle-contest.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    `--max-old-space-size=${HEAP_MIB}`,
    program,
    `${library}|${variant}|${sha256}`,
    String(LEAVES),
    String(rounds),
  ]);
  return JSON.parse(stdout);
}
