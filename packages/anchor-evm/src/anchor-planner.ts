import {
  AnchorError,
  type AnchorIntent,
  type Attempt,
  type Fee,
  type JsonObject,
  type PrepareOptions,
} from '@wattproof/core/spi';
import { type AnchorDraft, draftFrom, feeOf } from './anchor-draft.js';
import type { CommitmentPlace } from './commitment-place.js';
import { DataFee } from './data-fee.js';
import type { EvmConfig } from './evm.config.js';
import type { EvmNode } from './evm-node.js';
import type { UnsignedTransaction } from './evm-signer.js';
import { gasPrice, type PriceLimits, weiOf } from './gas-price.js';
import { quantity } from './rpc-values.js';

/** Decides nonce, gas and price of an attempt. Reads only. */
export class AnchorPlanner {
  readonly #dataFee: DataFee | undefined;

  constructor(
    private readonly node: EvmNode,
    private readonly place: CommitmentPlace,
    private readonly config: EvmConfig,
  ) {
    if (config.dataFee === 'op-stack') this.#dataFee = new DataFee(node);
  }

  /** What a unit of gas costs now. */
  async market(signal: AbortSignal): Promise<{ readonly baseFee: bigint; readonly tip: bigint }> {
    const { baseFee } = await this.node.head(signal);
    const { priorityFeeGwei } = this.config;
    if (priorityFeeGwei !== undefined) return { baseFee, tip: weiOf(priorityFeeGwei) };
    const tip = await this.node.call('eth_maxPriorityFeePerGas', [], signal, quantity);
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
    const { chainId } = this.config;
    const unpriced = { chainId, from, nonce, ...target, gas: least };
    const dataFee = await this.#dataFeeOf(unpriced, rivals, signal);
    if (budget !== undefined && dataFee > budget)
      throw new AnchorError(
        'capped',
        `The data of an anchor may cost ${dataFee} wei on layer 1; the budget leaves ${budget}.`,
      );
    const price = gasPrice(
      await this.market(signal),
      bump,
      rivals,
      this.limits(budget === undefined ? undefined : (budget - dataFee) / least),
    );
    const draft = { ...unpriced, ...price, dataFee };
    const { amount } = feeOf(draft);
    const balance = await this.node.balance(from, signal);
    if (balance < amount)
      throw new AnchorError(
        'insufficient-funds',
        `Account ${from} has ${balance} wei on chain ${chainId}; an anchor may cost ${amount}. Send funds to it.`,
      );
    return draft;
  }

  /** The worst that an anchor costs at the market's price. */
  async quote(from: string, intent: AnchorIntent, signal: AbortSignal): Promise<Fee> {
    const { baseFee, tip } = await this.market(signal);
    const price = { maxFee: 2n * baseFee + tip, tip, gas: this.place.leastGas };
    const target = this.place.target(from, intent.commitment);
    const unpriced = { chainId: this.config.chainId, nonce: 0, ...target, gas: price.gas };
    return feeOf({ ...price, dataFee: await this.#dataFeeOf(unpriced, [], signal) });
  }

  /** Throws `underpriced` when sending this could cost more than its fee says. */
  async covers(detail: JsonObject | undefined, signal: AbortSignal): Promise<void> {
    await this.#dataFee?.covers(draftFrom(detail), signal);
  }

  /** A replacement sets no less aside: the dearer attempt has the higher fee. */
  async #dataFeeOf(
    unpriced: Omit<UnsignedTransaction, 'maxFee' | 'tip'>,
    rivals: readonly AnchorDraft[],
    signal: AbortSignal,
  ): Promise<bigint> {
    if (this.#dataFee === undefined) return 0n;
    // The price is decided by what this leaves; the highest one takes the most room.
    const { maxFee } = this.limits();
    const wanted = await this.#dataFee.reserve({ ...unpriced, maxFee, tip: maxFee }, signal);
    return rivals.reduce((most, { dataFee }) => (dataFee > most ? dataFee : most), wanted);
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

  async #gas(
    from: string,
    target: { readonly to: string; readonly data: string },
    signal: AbortSignal,
  ): Promise<bigint> {
    const estimate = await this.node.gas({ from, ...target }, signal);
    return estimate > this.place.leastGas ? estimate : this.place.leastGas;
  }
}
