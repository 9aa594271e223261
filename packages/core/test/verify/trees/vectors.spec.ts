import { readFileSync } from 'node:fs';
import { run as kwhMerkle } from '../../../src/testing/vectors/kwh_merkle.js';
import { run as rfc6962 } from '../../../src/testing/vectors/rfc6962.js';

function vectors(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../../../vectors/${name}.json`, import.meta.url), 'utf8'),
  );
}

describe('tree vectors', () => {
  it.each([
    ['kwh_merkle', kwhMerkle, 100],
    ['rfc6962', rfc6962, 100],
  ] as const)('every case of %s passes', (name, run, least) => {
    const results = [...run(vectors(name))];
    expect(results.filter((result) => !result.ok)).toEqual([]);
    expect(results.length).toBeGreaterThan(least);
  });

  it('a changed root fails its case', () => {
    // Without the big trees, which take a second.
    const { big_trees: _, ...file } = vectors('rfc6962') as {
      roots: { size: number; root: string }[];
      big_trees: unknown;
    };
    file.roots[3]!.root = file.roots[2]!.root;
    expect([...rfc6962(file)].filter((result) => !result.ok)).toHaveLength(1);
  });
});
