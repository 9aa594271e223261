import {
  AnchorError,
  type AnchorIntent,
  type Attempt,
  type PrepareOptions,
} from '@wattproof/core/spi';
import { type AnchorDraft, draftFrom } from './anchor-draft.js';
import type { CommitmentPlace } from './commitment-place.js';
import type { EvmConfig } from './evm.config.js';
import type { EvmNode } from './evm-node.js';
import { quantity } from './evm-node.js';
import { gasPrice, type PriceLimits, weiOf } from './gas-price.js';

/** Decides nonce, gas and price of an attempt. Reads only. */
export class AnchorPlanner {
  constructor(
    private readonly node: EvmNode,
    private readonly place: CommitmentPlace,
    private readonly config: EvmConfig,
  ) {}

  /** What a unit of gas costs now. */
  async market(signal: AbortSignal): Promise<{ readonly baseFee: bigint; readonly tip: bigint }> {
    const { baseFee } = await this.node.head(signal);
    const { priorityFeeGwei } = this.config;
    if (priorityFeeGwei !== undefined) return { baseFee, tip: weiOf(priorityFeeGwei) };
    const suggested = await this.node.call('eth_maxPriorityFeePerGas', [], signal);
    const tip = quantity('eth_maxPriorityFeePerGas', suggested);
    const { tip: limit } = this.limits();
    return { baseFee, tip: tip < limit ? tip : limit };
  }

  limits(budget?: bigint): PriceLimits {
    const { maxFeeGwei, maxPriorityFeeGwei } = this.config;
    return { maxFee: weiOf(maxFeeGwei), tip: weiOf(maxPriorityFeeGwei), budget };
  }

  async plan(
    from: string,
    intent: AnchorIntent,
    prior: readonly Attempt[],
    { bump, maxFee: budget, signal }: PrepareOptions,
  ): Promise<AnchorDraft> {
    const { commitment } = intent;
    await this.place.ready(signal);
    const held = prior
      .filter(({ state }) => state !== 'expired' && state !== 'replaced')
      .map(({ detail }) => draftFrom(detail));
    const nonce = held.at(-1)?.nonce ?? (await this.#freeNonce(from, signal));
    const rivals = held.filter((draft) => draft.nonce === nonce);
    if (rivals.length === 0) await this.place.admit(from, commitment, signal);

    const target = this.place.target(from, commitment);
    const least = rivals[0]?.gas ?? (await this.#gas(from, target, signal));
    const price = gasPrice(
      await this.market(signal),
      bump,
      rivals,
      this.limits(budget === undefined ? undefined : budget / least),
    );
    const balance = await this.node.balance(from, signal);
    if (balance < least * price.maxFee)
      throw new AnchorError(
        'insufficient-funds',
        `Account ${from} has ${balance} wei on chain ${this.config.chainId}; an anchor may cost ${least * price.maxFee}. Send funds to it.`,
      );
    return { chainId: this.config.chainId, from, nonce, ...target, gas: least, ...price };
  }

  /** The next nonce. While a transaction of the account waits, an anchor does too: it would hang behind it. */
  async #freeNonce(from: string, signal: AbortSignal): Promise<number> {
    const next = await this.node.nonce(from, 'latest', signal);
    if ((await this.node.nonce(from, 'pending', signal)) > next)
      throw new AnchorError(
        'conflict',
        `A transaction of ${from} waits with nonce ${next}; this anchor follows when it is in a block.`,
      );
    return next;
  }

  /** With a quarter to spare: on rollups the price of layer 1 is part of the gas. */
  async #gas(
    from: string,
    target: { readonly to: string; readonly data: string },
    signal: AbortSignal,
  ): Promise<bigint> {
    const answer = await this.node.call('eth_estimateGas', [{ from, ...target }], signal);
    const estimate = (quantity('eth_estimateGas', answer) * 5n) / 4n;
    return estimate > this.place.leastGas ? estimate : this.place.leastGas;
  }
}
