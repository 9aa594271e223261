import assert from 'node:assert/strict';
import {
  isPlugin,
  type JsonObject,
  type Plugin,
  type PriceQuote,
  type PricingModel,
  SPI_VERSION,
} from '../spi/index.js';
import { canonicalJson } from '../verify/rfc8785.js';
import { runnerOr, type TestRunner } from './anchor-suite/test-runner.js';
import { decimalOf, product, within } from './pricing-suite/exact-decimal.js';
import { withoutClockAndChance } from './pricing-suite/forbidden-globals.js';
import { silentLogger } from './silent-logger.js';

/** What `describePricing` needs from the author of a price model. */
export interface PricingSuiteOptions {
  readonly plugin: Plugin<'pricing'>;
  /** A valid configuration as a user writes it. */
  readonly config: object;
  /** Configurations that must be refused; a key nobody knows is tried anyway. */
  readonly refusedConfigs?: readonly object[];
  /** Price before any factor, as a decimal string. */
  readonly base: string | ((inputs: JsonObject) => string);
  /** Complete inputs: nothing that the model wants is missing. Choose them so that every factor appears. */
  readonly inputs: readonly JsonObject[];
  readonly runner?: TestRunner;
}

/** Registers the tests every price model must pass, with any runner that has `describe` and `it`. */
export function describePricing(options: PricingSuiteOptions): void {
  const { plugin, inputs } = options;
  const runner = runnerOr(options.runner);
  const { it } = runner;

  const parsed = async (config: object) => plugin.config['~standard'].validate(config);
  const model = async (): Promise<PricingModel> => {
    const result = await parsed(options.config);
    assert.equal(result.issues, undefined, 'the configuration of the suite is valid');
    return plugin.create((result as { value: unknown }).value, {
      instanceId: 'under-test',
      origin: 'suite.example/log',
      logger: silentLogger,
      clock: { nowMs: () => assert.fail('a price model asks no clock, not even the lent one') },
    });
  };
  const each = async (
    body: (quote: PriceQuote, given: JsonObject, by: PricingModel) => void | Promise<void>,
  ) => {
    assert.ok(inputs.length > 0, 'the suite needs inputs');
    const by = await model();
    for (const given of inputs) await body(by.quote(given), given, by);
  };

  runner.describe(`pricing conformance: ${plugin.name}`, () => {
    it('is a price model of this SPI version', async () => {
      assert.ok(isPlugin(plugin), 'made by definePricing');
      assert.equal(plugin.kind, 'pricing');
      assert.equal(plugin.spi, SPI_VERSION);
      assert.ok(Object.isFrozen(plugin));
      assert.ok(plugin.capabilities.model.length > 0, 'capabilities.model names the model');
    });

    it('refuses a key it does not know, and what else is wrong', async () => {
      for (const config of [
        { ...options.config, 'no-such-key': 1 },
        ...(options.refusedConfigs ?? []),
      ]) {
        const { issues } = await parsed(config);
        assert.ok(issues && issues.length > 0, `accepted ${JSON.stringify(config)}`);
      }
    });

    it('quotes a decimal price, named factors and a confidence from 0 to 100', () =>
      each(({ price, currency, factors, confidence, missing }) => {
        decimalOf(price);
        assert.match(currency, /^[A-Z]{3}$/);
        assert.ok(confidence >= 0 && confidence <= 100, `confidence ${confidence}`);
        assert.deepEqual(missing, [], 'the inputs of the suite are complete');
        for (const { name, factor, because } of factors) {
          decimalOf(factor);
          assert.ok(name.length > 0 && because.length > 0, 'a factor says what it is and why');
        }
        const names = factors.map(({ name }) => name);
        assert.equal(new Set(names).size, names.length, 'a factor stands once');
      }));

    it('quotes the product of base and factors, rounded at the last digit of the price', () =>
      each(({ price, factors }, given) => {
        const base = typeof options.base === 'string' ? options.base : options.base(given);
        const exact = product([base, ...factors.map(({ factor }) => factor)]);
        assert.ok(within(decimalOf(price), exact), `${price} is not ${base} × the factors`);
      }));

    it('gives the same quote for the same inputs, whatever their order, instance or number of times', () =>
      each(async (quote, given, by) => {
        const same = textOf(quote);
        const reordered = Object.fromEntries(Object.entries(given).toReversed());
        const other = await model();
        for (const again of [by.quote(given), by.quote(reordered), other.quote(given)])
          assert.equal(textOf(again), same);
      }));

    it('reads no clock and no chance', async () => {
      const by = await model();
      for (const given of inputs) withoutClockAndChance(() => by.quote(given));
    });

    it('leaves its inputs as they are', () =>
      each((_quote, given, by) => {
        const frozen = structuredClone(given);
        deepFreeze(frozen);
        by.quote(frozen);
      }));

    it('does without an input that is missing, names it, and is no surer for it', () =>
      each((quote, given, by) => {
        for (const name of Object.keys(given)) {
          const { [name]: _left, ...rest } = given;
          const without = by.quote(rest);
          const changed = textOf(without) !== textOf(quote);
          if (changed) assert.ok(without.missing.includes(name), `${name} is missing, and unsaid`);
          assert.ok(without.confidence <= quote.confidence, `surer without ${name}`);
        }
        assert.ok(by.quote({}).confidence >= 0);
      }));
  });
}

const textOf = (quote: PriceQuote): string =>
  canonicalJson(JSON.parse(JSON.stringify(quote)) as JsonObject);

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
}
