/**
 * Verifying the proof file of one reading with evidence of Bitcoin and of an EVM chain, offline, from given headers: data/two-ledgers.json,
 * a bundle of the test of that name (regtest and anvil) with the headers of both chains.
 */
import { readFile } from 'node:fs/promises';
import bitcoinVerifiers from '@wattproof/anchor-bitcoin/verify';
import evmVerifiers from '@wattproof/anchor-evm/verify';
import { verifyProof } from '@wattproof/core/verify';
import { headersOf } from '../packages/core/dist/cli/header-source.js';
import { quantile, round } from './measure.mjs';

const WARM_UP = 50;
const RUNS = 500;
const TARGET_MS = 15;

export const name = 'verifying a bundle with evidence of Bitcoin and of an EVM chain';

export async function run() {
  const file = new URL('data/two-ledgers.json', import.meta.url);
  const { bundle, headers } = JSON.parse(await readFile(file, 'utf8'));
  const verifiers = [bitcoinVerifiers, evmVerifiers].flat();
  const options = { verifiers, headers: headersOf(headers), require: 'spv-pow' };
  const alone = { require: 'operator' };
  const rows = [];
  for (const [what, given] of [
    ['both kinds of evidence', options],
    ['entry, batch, log and checkpoint alone', alone],
  ]) {
    const millis = [];
    let cold;
    for (let i = 0; i < WARM_UP + RUNS; i += 1) {
      const from = performance.now();
      const report = await verifyProof(bundle, given);
      const took = performance.now() - from;
      if (!report.ok) throw new Error(JSON.stringify(report.failures));
      cold ??= took;
      if (i >= WARM_UP) millis.push(took);
    }
    rows.push({
      what,
      bytes: bundle.length,
      coldMs: round(cold, 1),
      p50Ms: round(quantile(millis, 0.5)),
      p99Ms: round(quantile(millis, 0.99)),
      targetMs: given === options ? TARGET_MS : undefined,
    });
  }
  return rows;
}
