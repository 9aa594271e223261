import {
  AnchorError,
  type AnchorIntent,
  type AnchorQuote,
  type Attempt,
  type AttemptState,
  type Fee,
  type PrepareOptions,
} from '@wattproof/core/spi';
import { type AnchorPlan, firstCoin, planOf } from './anchor-draft.js';
import type { AnchorWallet, Coin } from './anchor-wallet.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import type { FeeMarket } from './bitcoin-node.js';
import type { BitcoinChainConfig } from './bitcoin.config.js';
import { type ChangeChain, type ChangeStep, sum, type WalletCoin } from './change-chain.js';
import { anchorFee, type PaidFee } from './fee-schedule.js';

/** What neither wins nor has to be outbid. */
const DEAD: readonly AttemptState[] = ['expired', 'replaced'];
const NEEDS_NO_OUTBIDDING: readonly AttemptState[] = [...DEAD, 'failed'];

/** Which coins an anchor spends, beside whom and for how much. Reads only. */
export class AnchorPlanner {
  constructor(
    private readonly config: BitcoinChainConfig,
    private readonly node: BitcoinBackend,
    private readonly wallet: AnchorWallet,
    private readonly chain: ChangeChain,
  ) {}

  async quote(signal: AbortSignal): Promise<AnchorQuote> {
    const market = await this.node.feeMarket(this.config.fee.targetBlocks, signal);
    const fee = anchorFee(this.config.fee, {
      vbytes: this.wallet.vbytes(1),
      bump: 0,
      market,
      replaces: [],
    });
    return { fee, balance: sum(await this.chain.coins(signal)) };
  }

  async plan(
    { commitment: { digest } }: AnchorIntent,
    prior: readonly Attempt[],
    options: PrepareOptions,
  ): Promise<{ readonly plan: AnchorPlan; readonly fee: Fee }> {
    const { signal } = options;
    const market = await this.node.feeMarket(this.config.fee.targetBlocks, signal);
    const ours = prior.filter(({ state }) => !DEAD.includes(state));
    const coins = await this.chain.coins(signal);
    const { start, lockTime, replaces } =
      ours.length > 0 ? await this.#replacing(ours, signal) : await this.#following(coins, signal);
    const { chosen, fee } = await this.#covered(start, coins, { market, replaces, options });
    const { txId } = chosen[0] as Coin;
    const via = await this.chain.ancestry(txId, signal);
    return { plan: { coins: chosen, digest, lockTime, via }, fee };
  }

  /** Another attempt on the coins of those that can still win: the ledger takes one of them. */
  async #replacing(attempts: readonly Attempt[], signal: AbortSignal): Promise<Start> {
    const [first, last] = [attempts[0] as Attempt, attempts.at(-1) as Attempt];
    const coin = firstCoin(first);
    const rivals = attempts.filter(({ state }) => !NEEDS_NO_OUTBIDDING.includes(state));
    const replaces: PaidFee[] = rivals.map((attempt) => ({
      feeSat: attempt.fee.amount,
      vbytes: this.wallet.vbytes(planOf(attempt).coins.length),
    }));
    const waiting = await this.chain.waiting(coin, signal);
    if (waiting && attempts.every(({ txId }) => txId !== waiting.txId)) {
      await this.#mayReplace(waiting, signal);
      replaces.push(await this.chain.feeOf(waiting, signal));
    }
    if (!waiting && !(await this.node.inclusion(coin.txId, signal)))
      throw new AnchorError(
        'conflict',
        `The coin it spends, of ${coin.txId}, is in no block now; it follows when that is.`,
      );
    return { start: planOf(last).coins, lockTime: planOf(first).lockTime, replaces };
  }

  /** A fresh anchor goes on from the change of the last one; one that is stuck gives its place to it. */
  async #following(coins: readonly WalletCoin[], signal: AbortSignal): Promise<Start> {
    const { blocks: height } = await this.node.chainInfo(signal);
    const end = await this.chain.end(coins, signal);
    if (!end) return { start: [], lockTime: height, replaces: [] };
    const waiting = await this.chain.waiting(end, signal);
    if (!waiting) return { start: [end], lockTime: height, replaces: [] };
    await this.#mayReplace(waiting, signal);
    const { targetBlocks } = this.config.fee;
    if (height - waiting.lockTime < targetBlocks)
      throw new AnchorError(
        'conflict',
        `An earlier anchor, ${waiting.txId}, still spends the wallet’s coin. This one follows when that is in a block, or takes its place after ${targetBlocks} blocks.`,
      );
    return {
      start: [end],
      lockTime: height,
      replaces: [await this.chain.feeOf(waiting, signal)],
    };
  }

  async #mayReplace(waiting: ChangeStep, signal: AbortSignal): Promise<void> {
    if (await this.chain.isAnchor(waiting, signal)) return;
    throw new AnchorError(
      'conflict',
      `${waiting.txId}, which is no anchor, spends the wallet’s coin. Use the address ${this.wallet.address} for nothing else.`,
    );
  }

  /** Adds coins until they pay for the fee and for change that is worth relaying. */
  async #covered(
    start: readonly Coin[],
    coins: readonly WalletCoin[],
    asked: {
      readonly market: FeeMarket;
      readonly replaces: readonly PaidFee[];
      readonly options: PrepareOptions;
    },
  ): Promise<{ readonly chosen: readonly Coin[]; readonly fee: Fee }> {
    const { bump, maxFee, signal } = asked.options;
    const chosen: Coin[] = [...start];
    const more = coins.filter(
      ({ txId, index, depth }) =>
        depth >= this.config.confirmations &&
        !start.some((coin) => coin.txId === txId && coin.index === index),
    );
    for (;;) {
      const fee = anchorFee(this.config.fee, {
        vbytes: this.wallet.vbytes(Math.max(1, chosen.length)),
        bump,
        market: asked.market,
        replaces: asked.replaces,
        maxFeeSat: maxFee,
      });
      const needed = fee.amount + this.wallet.dustSat;
      if (chosen.length > 0 && sum(chosen) >= needed)
        return {
          chosen: chosen.map(({ txId, index, valueSat }) => ({ txId, index, valueSat })),
          fee,
        };
      const next = more.shift();
      if (!next) throw this.#tooPoor(needed, chosen, coins);
      if ((await this.node.spending(next, signal)) === undefined) chosen.push(next);
    }
  }

  #tooPoor(needed: bigint, chosen: readonly Coin[], coins: readonly WalletCoin[]): AnchorError {
    const { confirmations } = this.config;
    const young = sum(coins.filter(({ depth }) => depth < confirmations));
    return new AnchorError(
      'insufficient-funds',
      `An anchor needs ${needed} sat and address ${this.wallet.address} has ${sum(chosen)} sat to spend${
        young > 0n ? `, ${young} sat with fewer than ${confirmations} confirmations` : ''
      }. Send funds to ${this.wallet.address}.`,
    );
  }
}

interface Start {
  readonly start: readonly Coin[];
  readonly lockTime: number;
  readonly replaces: readonly PaidFee[];
}
