import { readFileSync } from 'node:fs';
import { run } from '../../../src/testing/vectors/envelopes.js';

const file = new URL('../../../../../vectors/envelopes.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly object[] };

it('Every signed envelope has its verdict on every back end', async () => {
  const failed: unknown[] = [];
  let cases = 0;
  const pureEvery = process.env['WATTPROOF_NIGHTLY'] === '1' ? 1 : 12;
  for await (const result of run(vectors, pureEvery)) {
    cases += 1;
    if (!result.ok) failed.push(result);
  }
  expect(failed).toEqual([]);
  expect(vectors.cases.length).toBeGreaterThanOrEqual(300);
  expect(cases).toBe(vectors.cases.length + Math.ceil(vectors.cases.length / pureEvery));
});
