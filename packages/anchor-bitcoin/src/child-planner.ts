import { AnchorError, type Attempt, type Fee, type PrepareOptions } from '@wattproof/core/spi';
import { type AnchorPlan, firstCoin, keyOf, planOf } from './anchor-draft.js';
import type { AnchorWallet, Coin } from './anchor-wallet.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import type { BitcoinChainConfig } from './bitcoin.config.js';
import {
  ANCESTORS,
  type ChangeChain,
  changeOf,
  type ChangeStep,
  readStep,
} from './change-chain.js';
import type { CoinChoice } from './coin-choice.js';
import { anchorFee, type PaidFee } from './fee-schedule.js';

/**
 * A child that pays for a stuck anchor, for nodes that keep the first transaction that spends a coin: it spends the
 * anchor's change, or that of the last child that waits, so it displaces nothing. Reads only.
 */
export class ChildPlanner {
  constructor(
    private readonly config: BitcoinChainConfig,
    private readonly node: BitcoinBackend,
    private readonly wallet: AnchorWallet,
    private readonly chain: ChangeChain,
    private readonly choice: CoinChoice,
  ) {}

  async plan(
    parent: Attempt,
    prior: readonly Attempt[],
    { bump, maxFee, signal }: PrepareOptions,
  ): Promise<{ readonly plan: AnchorPlan; readonly fee: Fee }> {
    const waiting = await this.#waitingFrom(parent, signal);
    const coin = await this.chain.change(waiting.at(-1) as ChangeStep);
    const { targetBlocks } = this.config.fee;
    const market = await this.node.feeMarket(targetBlocks, signal);
    const paysFor = await this.#paid(parent, waiting, signal);
    const { chosen, fee } = await this.choice.cover(
      [coin],
      await this.chain.coins(signal),
      (count) =>
        anchorFee(this.config.fee, {
          vbytes: this.wallet.vbytes(count, 'child'),
          bump,
          market,
          paysFor,
          replaces: this.#dropped(coin, prior),
          maxFeeSat: maxFee,
        }),
      signal,
    );
    const { via, brings } = planOf(parent);
    const spent = waiting.slice(1).map(({ inputs: [first] }) => first as Coin);
    return {
      fee,
      plan: {
        coins: chosen,
        lockTime: (await this.node.chainInfo(signal)).blocks,
        via: [...spent.toReversed(), firstCoin(parent), ...via].slice(0, ANCESTORS),
        brings: [...brings, ...waiting.map(({ bytes }) => bytes)],
      },
    };
  }

  /** The parent and the children of it that wait, oldest first. */
  async #waitingFrom(parent: Attempt, signal: AbortSignal): Promise<readonly ChangeStep[]> {
    const { txId } = parent;
    if (await this.node.inclusion(txId, signal))
      throw new AnchorError('conflict', `${txId} is in a block now and needs no child.`);
    const coin = firstCoin(parent);
    const first = await this.chain.waiting(coin, signal);
    if (first && first.txId !== txId)
      throw new AnchorError(
        'irreplaceable',
        `${first.txId} waits in the place of ${txId}: a child of the one would displace the other.`,
      );
    if (!first && !(await this.node.inclusion(coin.txId, signal)))
      throw new AnchorError(
        'conflict',
        `The coin that ${txId} spends, of ${coin.txId}, is in no block now; a child follows when that is.`,
      );
    const waiting = [readStep(txId, parent.signed)];
    for await (const step of this.chain.waitingOn(changeOf(waiting[0] as ChangeStep), signal)) {
      if (!(await this.chain.isLink(step, signal)))
        throw new AnchorError(
          'conflict',
          `${step.txId}, which is no child of an anchor, spends the change of ${txId}. Use the address ${this.wallet.address} for nothing else.`,
        );
      waiting.push(step);
    }
    return waiting;
  }

  async #paid(
    parent: Attempt,
    [first, ...children]: readonly ChangeStep[],
    signal: AbortSignal,
  ): Promise<PaidFee> {
    let [feeSat, vbytes] = [parent.fee.amount, first?.vbytes ?? 0];
    for (const child of children) {
      feeSat += (await this.chain.feeOf(child, signal)).feeSat;
      vbytes += child.vbytes;
    }
    return { feeSat, vbytes };
  }

  /** Earlier children on this coin, which the node has not: of one coin the dearer is taken. */
  #dropped(coin: Coin, prior: readonly Attempt[]): readonly PaidFee[] {
    return prior
      .filter(
        ({ state, conflictKey }) =>
          conflictKey === keyOf(coin) &&
          state !== 'failed' &&
          state !== 'expired' &&
          state !== 'replaced',
      )
      .map((attempt) => ({
        feeSat: attempt.fee.amount,
        vbytes: this.wallet.vbytes(planOf(attempt).coins.length, 'child'),
      }));
  }
}
