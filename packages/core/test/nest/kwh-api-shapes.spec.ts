import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { run } from '../../src/testing/vectors/kwh_api_shapes.js';

const file = JSON.parse(
  readFileSync(new URL('../../../../vectors/kwh_api_shapes.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

async function resultsOf(shapes: object) {
  const results = [];
  for await (const result of run(shapes)) results.push(result);
  return results;
}

describe('the API of kwh-btc-iot', () => {
  it('answers its clients in every recorded shape', async () => {
    const results = await resultsOf(file);
    expect(results.length).toBeGreaterThan(10);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });

  it.each(['export', 'proof_unbatched'])(
    '%s is evaluated without the other shapes',
    async (one) => {
      const results = await resultsOf({ [one]: file[one] });
      expect(results.length).toBeGreaterThan(2);
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
    },
  );

  it('a shape that says something else fails', async () => {
    const refusal = { ...(file['proof_unbatched'] as object), status: 418 };
    const failed = (await resultsOf({ proof_unbatched: refusal })).filter(({ ok }) => !ok);
    expect(failed).toHaveLength(1);
  });
});
