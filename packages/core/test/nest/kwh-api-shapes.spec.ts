import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { run } from '../../src/testing/vectors/kwh_api_shapes.js';

const file: unknown = JSON.parse(
  readFileSync(new URL('../../../../vectors/kwh_api_shapes.json', import.meta.url), 'utf8'),
);

describe('the API of kwh-btc-iot', () => {
  it('answers its clients in every recorded shape', async () => {
    const results = [];
    for await (const result of run(file)) results.push(result);
    expect(results.length).toBeGreaterThan(10);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });
});
