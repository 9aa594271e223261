import { readFileSync } from 'node:fs';
import { run } from '../../../src/testing/vectors/envelopes.js';

const file = new URL('../../../../../vectors/envelopes.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly object[] };

it('Every signed envelope has its verdict on every back end', async () => {
  const failed: unknown[] = [];
  let cases = 0;
  for await (const result of run(vectors)) {
    cases += 1;
    if (!result.ok) failed.push(result);
  }
  expect(failed).toEqual([]);
  expect(vectors.cases.length).toBeGreaterThanOrEqual(300);
  expect(cases).toBe(2 * vectors.cases.length);
});
