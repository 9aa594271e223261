import { AnchorError } from '@wattproof/core/spi';

/** Wei per unit of gas (EIP-1559). */
export interface GasPrice {
  readonly maxFee: bigint;
  readonly tip: bigint;
}

export interface PriceLimits extends GasPrice {
  /** What the intent's budget leaves per unit of gas. */
  readonly budget?: bigint | undefined;
}

/**
 * What one attempt offers: room for the base fee to double, the tip raised by an eighth per bump, both at least an eighth above
 * what it replaces (clients ask for a tenth of both), and nothing above the limits. It is `capped` when the base fee alone does not
 * fit: of a tip that does not fit whole the chain takes what is left, and all of it when the base fee falls.
 */
export function gasPrice(
  market: { readonly baseFee: bigint; readonly tip: bigint },
  bump: number,
  replaced: readonly GasPrice[],
  limits: PriceLimits,
): GasPrice {
  const floor: GasPrice = {
    maxFee: most(replaced.map(({ maxFee }) => raised(maxFee))),
    tip: most(replaced.map(({ tip }) => raised(tip))),
  };
  let wanted = market.tip;
  for (let step = 0; step < bump && wanted < limits.tip; step += 1) wanted = raised(wanted);
  const ceiling = limits.budget === undefined ? limits.maxFee : least(limits.budget, limits.maxFee);
  const tip = most([least(least(wanted, limits.tip), ceiling), floor.tip]);
  if (tip > limits.tip)
    throw capped(`a tip of ${gwei(tip)}, more than maxPriorityFeeGwei ${gwei(limits.tip)}`);
  // Nobody includes what leaves no tip at all, unless none is asked for.
  const needed = most([market.baseFee + least(tip, 1n), floor.maxFee, floor.tip]);
  if (needed > ceiling)
    throw capped(
      `${gwei(needed)} gwei a unit of gas; maxFeeGwei is ${gwei(limits.maxFee)}` +
        (limits.budget === undefined ? '' : `, the budget leaves ${gwei(limits.budget)}`),
    );
  return { tip, maxFee: least(most([2n * market.baseFee + tip, floor.maxFee]), ceiling) };
}

export const gwei = (wei: bigint): number => Number(wei) / 1e9;
export const weiOf = (amountGwei: number): bigint => BigInt(Math.round(amountGwei * 1e9));

/** An eighth more, rounded up, and never the same. */
const raised = (wei: bigint): bigint => (wei * 9n + 7n) / 8n + (wei === 0n ? 1n : 0n);
const most = (values: readonly bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b), 0n);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const capped = (what: string): AnchorError =>
  new AnchorError('capped', `An anchor needs ${what}. It waits until gas is cheaper.`);
