import type { JsonObject, PriceFactor, PriceQuote, PricingModel } from '@wattproof/core/spi';
import { priceOf } from './decimal.js';
import type { TallyConfig } from './tally.config.js';

/** Of 100; what is taken off for an input that nobody gave. */
const LESS_WITHOUT: Readonly<Record<string, number>> = { local_hour: 40, temperature_c: 10 };

/**
 * base × part of the day × frost. Pure: hour and temperature are inputs, no clock and no weather service is asked, so
 * that anyone can compute the quote again from what was logged. An input that is not there has the factor 1 and is named.
 */
export class TallyPricing implements PricingModel {
  constructor(private readonly config: TallyConfig) {}

  quote(inputs: JsonObject): PriceQuote {
    const { base, currency } = this.config;
    const missing: string[] = [];
    const number = (name: string): number | undefined => {
      const value = inputs[name];
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      missing.push(name);
      return undefined;
    };
    const factors = [
      this.#dayFactor(number('local_hour')),
      this.#frostFactor(number('temperature_c')),
    ];
    return {
      price: priceOf(
        base,
        factors.map(({ factor }) => factor),
      ),
      currency,
      factors,
      confidence: missing.reduce((left, name) => left - (LESS_WITHOUT[name] ?? 0), 95),
      missing,
    };
  }

  #dayFactor(hour: number | undefined): PriceFactor {
    if (hour === undefined) return { name: 'hour', factor: '1', because: 'no hour was given' };
    const part = this.config.hours.find(({ from, to }) =>
      from <= to ? hour >= from && hour < to : hour >= from || hour < to,
    );
    return part
      ? { name: 'hour', factor: part.factor, because: `${hour} h is ${part.name}` }
      : { name: 'hour', factor: '1', because: `${hour} h is an hour like any other` };
  }

  #frostFactor(temperatureC: number | undefined): PriceFactor {
    const { frostBelowC, frostFactor } = this.config;
    const name = 'frost';
    if (temperatureC === undefined)
      return { name, factor: '1', because: 'no temperature was given' };
    const because = `${temperatureC} °C, frost is below ${frostBelowC} °C`;
    return { name, factor: temperatureC < frostBelowC ? frostFactor : '1', because };
  }
}
