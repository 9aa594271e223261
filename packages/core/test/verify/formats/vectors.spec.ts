import { readFileSync } from 'node:fs';
import { run as runLeaves } from '../../../src/testing/vectors/kwh_canonical_leaf.js';
import { run as runBridge } from '../../../src/testing/vectors/kwh_mqtt_bridge.js';
import { run as runRfc8785 } from '../../../src/testing/vectors/rfc8785.js';
import type { VectorResult } from '../../../src/testing/vectors/vector-case.js';

const load = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../../vectors/${name}.json`, import.meta.url), 'utf8'));
const NIGHTLY_LINES = 1_000_000;
const LINES = process.env['WATTPROOF_NIGHTLY'] === undefined ? 100_000 : NIGHTLY_LINES;

describe('published vectors', () => {
  const families: [string, number, () => Iterable<VectorResult>][] = [
    ['kwh_canonical_leaf', 40, () => runLeaves(load('kwh_canonical_leaf'))],
    ['emlog_coercions', 290, () => runLeaves(load('emlog_coercions'))],
    ['rfc8785', 45, () => runRfc8785(load('rfc8785'), LINES)],
    ['kwh_mqtt_bridge', 12, () => runBridge(load('kwh_mqtt_bridge'))],
    ['kwh_mqtt_bridge_edges', 300, () => runBridge(load('kwh_mqtt_bridge_edges'))],
  ];
  for (const [family, least, run] of families)
    it(`${family} holds in every case`, () => {
      const results = [...run()];
      expect(results.filter((result) => !result.ok)).toEqual([]);
      expect(results.length).toBeGreaterThanOrEqual(least);
    });

  it('a runner reports a wrong leaf hash', () => {
    const file = load('kwh_canonical_leaf') as { cases: { leaf_hash: string }[] };
    file.cases[0]!.leaf_hash = '00'.repeat(32);
    expect([...runLeaves(file)].filter((result) => !result.ok)).toHaveLength(1);
  });

  it('a runner reports an accepted document that the file refuses', () => {
    const file = load('rfc8785') as { reject: { json: string; why: string }[] };
    file.reject.push({ json: '{"a":1}', why: 'nothing is wrong with it' });
    expect([...runRfc8785(file, 0)].filter((result) => !result.ok)).toHaveLength(1);
  });
});
