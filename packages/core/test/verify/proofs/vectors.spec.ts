import { readFileSync } from 'node:fs';
import { vectorFamilies, vectorFamilyOf } from '../../../src/testing/vectors/index.js';

async function results(name: string) {
  const url = new URL(`../../../../../vectors/${name}.json`, import.meta.url);
  const { run } = await vectorFamilies[name]!();
  const all = [];
  for await (const result of run(JSON.parse(readFileSync(url, 'utf8')))) all.push(result);
  return all;
}

describe('proof vectors', () => {
  it.each([
    ['checkpoint', 17],
    ['device-signing', 2000],
    ['batch-log', 40],
    ['commitment', 9],
    ['receipt', 10],
    ['bundle', 60],
  ])('every case of %s passes', async (name, least) => {
    const all = await results(name);
    expect(all.filter((result) => !result.ok)).toEqual([]);
    expect(all.length).toBeGreaterThan(least);
  });

  it.each([
    ['kwh_merkle.json', 'kwh_merkle'],
    ['kwh_merkle.extra.json', 'kwh_merkle'],
    ['kwh_merkle_more.json', 'kwh_merkle'],
    ['bundle-held-back.json', 'bundle'],
    ['kwh.json', undefined],
    ['bundles.json', undefined],
  ])('%s belongs to family %s', (file, family) => {
    expect(vectorFamilyOf(file)).toBe(family);
  });
});
