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
            // A transaction whose tip is above its price is invalid.
            expect(price.maxFee >= price.tip).toBe(true);
            const left = price.maxFee - market.baseFee;
            expect(price.tip === 0n ? left >= 0n : left > 0n).toBe(true);
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

  it('waits for cheaper gas only when the base fee does not fit: of the tip the chain takes what is left', () => {
    const limits = { maxFee: 50n, tip: 10n };
    const at = (baseFee: bigint, tip = 10n) => gasPrice({ baseFee, tip }, 0, [], limits);
    expect(at(45n)).toEqual({ maxFee: 50n, tip: 10n });
    expect(at(49n)).toEqual({ maxFee: 50n, tip: 10n });
    expect(() => at(50n)).toThrow(/An anchor needs/);
    expect(at(50n, 0n)).toEqual({ maxFee: 50n, tip: 0n });
    expect(gasPrice({ baseFee: 1n, tip: 10n }, 0, [], { ...limits, budget: 3n })).toEqual({
      maxFee: 3n,
      tip: 3n,
    });
  });
});
