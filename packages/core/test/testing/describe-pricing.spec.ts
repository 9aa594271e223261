import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { definePricing, type JsonObject, type PriceQuote } from '../../src/spi/index.js';
import { describePricing } from '../../src/testing/describe-pricing.js';

const HOUR = { hour: 7 };

function quoted(inputs: JsonObject): PriceQuote {
  const { hour } = inputs;
  const known = typeof hour === 'number';
  const factor = known && hour < 8 ? '0.75' : '1';
  return {
    price: factor === '1' ? '0.1200' : '0.0900',
    currency: 'EUR',
    factors: [{ name: 'hour', factor, because: `${hour ?? 'no hour'}` }],
    confidence: known ? 90 : 60,
    missing: known ? [] : ['hour'],
  };
}

const model = (quote: (inputs: JsonObject) => PriceQuote, config: z.ZodType = z.strictObject({})) =>
  definePricing({
    name: 'sample',
    config,
    capabilities: { model: 's/1' },
    create: () => ({ quote }),
  });

/** Titles of the tests of the kit that a model fails. */
async function failing(plugin: ReturnType<typeof model>): Promise<readonly string[]> {
  const tests: (readonly [string, () => Promise<void>])[] = [];
  describePricing({
    plugin,
    config: {},
    base: '0.12',
    inputs: [HOUR, { hour: 12 }],
    runner: {
      describe: (_name, body) => body(),
      it: (name, body) => void tests.push([name, body]),
    },
  });
  const failed: string[] = [];
  for (const [name, body] of tests) await body().catch(() => failed.push(name));
  return failed;
}

let calls = 0;

describe('the kit for price models', () => {
  it('finds nothing in a sound model', async () => {
    expect(await failing(model(quoted))).toEqual([]);
  });

  it.each<[string, ReturnType<typeof model>]>([
    ['refuses a key it does not know', model(quoted, z.object({}))],
    [
      'is a price model of this SPI version',
      { ...model(quoted), capabilities: { model: '' } } as ReturnType<typeof model>,
    ],
    ['quotes a decimal price', model((inputs) => ({ ...quoted(inputs), price: '1e-1' }))],
    ['quotes a decimal price', model((inputs) => ({ ...quoted(inputs), confidence: 101 }))],
    ['quotes the product of base', model((inputs) => ({ ...quoted(inputs), price: '0.1201' }))],
    ['quotes the product of base', model((inputs) => ({ ...quoted(inputs), factors: [] }))],
    [
      'gives the same quote',
      model((inputs) => ({ ...quoted(inputs), confidence: (calls += 1) % 50 })),
    ],
    ['reads no clock', model((inputs) => ({ ...quoted(inputs), confidence: Date.now() % 2 }))],
    [
      'reads no clock',
      model((inputs) => ({ ...quoted(inputs), confidence: new Date().getHours() })),
    ],
    ['reads no clock', model((inputs) => ({ ...quoted(inputs), confidence: Math.random() }))],
    [
      'leaves its inputs as they are',
      model((inputs) => quoted(Object.assign(inputs as object, { seen: true }) as JsonObject)),
    ],
    [
      'does without an input that is missing',
      model((inputs) => ({ ...quoted(inputs), missing: [] })),
    ],
    [
      'does without an input that is missing',
      model((inputs) => ({
        ...quoted(inputs),
        confidence: inputs['hour'] === undefined ? 99 : 90,
      })),
    ],
    [
      'does without an input that is missing',
      model((inputs) => {
        if (inputs['hour'] === undefined) throw new TypeError('no hour');
        return quoted(inputs);
      }),
    ],
  ])('fails a wrong model on: it %s', async (title, plugin) => {
    const failed = await failing(plugin);
    expect(failed.filter((name) => name.startsWith(title))).toHaveLength(1);
  });

  it('lets a model work with instants that its inputs name', async () => {
    const dated = model((inputs) => {
      if (new Date(0).getUTCFullYear() !== 1970) throw new Error('another epoch');
      return quoted(inputs);
    });
    expect(await failing(dated)).toEqual([]);
  });
});
