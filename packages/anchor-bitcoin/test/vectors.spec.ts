import { readFileSync } from 'node:fs';
import * as product from '@wattproof/anchor-bitcoin/verify';
import { anchorProofs } from '../../../scripts/vector-families/anchor-proofs.mjs';

const load = (name = 'anchor-proofs') =>
  JSON.parse(
    readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), 'utf8'),
  ) as Record<string, any>;
const run = anchorProofs(product);
const failures = (file: object) => [...run(file)].filter(({ ok }) => !ok);

describe('the published anchor proofs', () => {
  it('are read, evaluated and refused as they should be', () => {
    expect([...run(load())].length).toBeGreaterThan(70);
    expect(failures(load())).toEqual([]);
  });

  it('hold in blocks of one transaction and of two', () => {
    expect([...run(load('anchor-proofs_early-blocks'))].length).toBeGreaterThan(25);
    expect(failures(load('anchor-proofs_early-blocks'))).toEqual([]);
  });

  it.each([
    ['brc74_bump', 'merkle_root'],
    ['brc74_bump', 'block_height'],
    ['brc62_beef', 'transactions.0.merkle_root'],
    ['brc62_beef', 'transactions.1.raw'],
    ['opentimestamps', 'cases.0.digest'],
    ['opentimestamps', 'cases.0.attestations.0.height'],
    ['opentimestamps', 'cases.0.attestations.0.merkle_root'],
    ['opentimestamps', 'must_reject.0.ots_hex'],
    ['bitcoin_spv_block_100000', 'block_hash'],
    ['bitcoin_spv_block_100000', 'branches.2.branch_display_order.1'],
    ['bitcoin_spv_block_100000', 'txids.3'],
    ['bitcoin_spv_block_100000', 'must_reject.0'],
  ])('%s fails when its %s says something else', (group, path) => {
    const file = load();
    const parts = path.split('.');
    const last = parts.pop()!;
    const holder = parts.reduce((at, part) => at[part], file[group]);
    // For what must be refused: something that is fine.
    holder[last] =
      last === 'ots_hex'
        ? file.opentimestamps.cases[0].ots_hex
        : typeof holder[last] === 'number'
          ? holder[last] + 1
          : holder[last].replace(/^./, (first: string) => (first === '1' ? '2' : '1'));
    if (path === 'must_reject.0') holder[last] = 'nobody knows what this is';
    expect(failures(file).length).toBeGreaterThan(0);
  });

  it('are refused for reasons told in other words', () => {
    const file = load();
    file.bitcoin_spv_block_100000.must_reject = [
      'bits field that encodes a negative target',
      'merkle root in the header altered',
      'an empty branch',
      'coinbase at another index',
      'leaf is the wtxid of the witness serialisation',
      'txid that is not in the block',
      'left sibling equal to the running hash (CVE-2012-2459)',
    ];
    expect(failures(file)).toEqual([]);
  });

  it('leave nothing unevaluated', () => {
    expect(failures({ brc95: { hex: '00' } })).toHaveLength(1);
  });
});
