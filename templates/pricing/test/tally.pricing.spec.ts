import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TallyConfig } from '../src/tally.config.js';
import { TallyPricing } from '../src/tally.pricing.js';

const quote = (inputs: Record<string, number>, config: object = {}) =>
  new TallyPricing(TallyConfig.parse(config)).quote(inputs);

describe('the tariff', () => {
  it('has a case per row and edge', () => {
    const prices = [6, 7, 18, 19, 21, 22, 23, 0].map(
      (hour) => quote({ local_hour: hour, temperature_c: 10 }).price,
    );
    const [night, day, evening] = ['0.0900', '0.1200', '0.1680'];
    assert.deepEqual(prices, [night, day, day, evening, evening, day, night, night]);
    assert.equal(quote({ local_hour: 12, temperature_c: 1.9 }).price, '0.1500');
    assert.equal(quote({ local_hour: 12, temperature_c: 2 }).price, '0.1200');
  });

  it('rounds half up at the fourth decimal', () => {
    assert.equal(quote({ local_hour: 12, temperature_c: 10 }, { base: '0.00005' }).price, '0.0001');
    assert.equal(
      quote({ local_hour: 12, temperature_c: 10 }, { base: '0.000049' }).price,
      '0.0000',
    );
  });

  it('names what it had to do without', () => {
    const { price, missing, confidence } = quote({});
    assert.deepEqual(
      { price, missing, confidence },
      {
        price: '0.1200',
        missing: ['local_hour', 'temperature_c'],
        confidence: 45,
      },
    );
  });
});
