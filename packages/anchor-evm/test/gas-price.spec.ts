import fc from 'fast-check';
import { type GasPrice, gasPrice } from '../src/gas-price.js';

const wei = fc.bigInt({ min: 0n, max: 10n ** 12n });
const limit = fc.bigInt({ min: 0n, max: 10n ** 13n });

describe('the price of gas', () => {
  it('never exceeds a limit, always pays for inclusion, and always outbids what it replaces', () => {
    let offered = 0;
    fc.assert(
      fc.property(
        fc.record({ baseFee: wei, tip: wei }),
        fc.record({ maxFee: limit, tip: limit, budget: fc.option(limit, { nil: undefined }) }),
        (market, limits) => {
          const made: GasPrice[] = [];
          for (let bump = 0; bump < 12; bump += 1) {
            let price: GasPrice;
            try {
              price = gasPrice(market, bump, made, limits);
            } catch (error) {
              expect(error).toMatchObject({ reason: 'capped' });
              return;
            }
            offered += 1;
            expect(price.tip <= limits.tip && price.maxFee <= limits.maxFee).toBe(true);
            expect(limits.budget === undefined || price.maxFee <= limits.budget).toBe(true);
            expect(price.maxFee >= market.baseFee + price.tip).toBe(true);
            // geth, reth and others: at least a tenth more of both, and more at all.
            for (const { maxFee, tip } of made) {
              expect(price.maxFee * 10n >= maxFee * 11n && price.maxFee > maxFee).toBe(true);
              expect(price.tip * 10n >= tip * 11n && price.tip > tip).toBe(true);
            }
            made.push(price);
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(offered).toBeGreaterThan(500);
  });
});
