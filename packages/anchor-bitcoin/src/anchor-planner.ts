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
import type { BitcoinChainConfig } from './bitcoin.config.js';
import { type ChangeChain, type ChangeStep, sum, type WalletCoin } from './change-chain.js';
import type { CoinChoice } from './coin-choice.js';
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
    private readonly choice: CoinChoice,
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
    const ours = prior.filter(
      ({ state, childOf }) => !DEAD.includes(state) && childOf === undefined,
    );
    const coins = await this.chain.coins(signal);
    const { start, lockTime, replaces, brings } =
      ours.length > 0 ? await this.#replacing(ours, signal) : await this.#following(coins, signal);
    const { bump, maxFee: maxFeeSat } = options;
    const { chosen, fee } = await this.choice.cover(
      start,
      coins,
      (count) =>
        anchorFee(this.config.fee, {
          vbytes: this.wallet.vbytes(count),
          bump,
          market,
          replaces,
          maxFeeSat,
        }),
      signal,
    );
    const { txId } = chosen[0] as Coin;
    const via = await this.chain.ancestry(txId, signal);
    return {
      plan: {
        coins: chosen,
        digest,
        lockTime,
        via,
        brings: brings ?? (await this.chain.childrenTo(txId, signal)),
      },
      fee,
    };
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
    if (waiting) {
      if (attempts.every(({ txId }) => txId !== waiting.txId))
        await this.#mayReplace(waiting, signal);
      replaces.push(await this.chain.costOf(waiting, signal));
    }
    if (!waiting && !(await this.node.inclusion(coin.txId, signal)))
      throw new AnchorError(
        'conflict',
        `The coin it spends, of ${coin.txId}, is in no block now; it follows when that is.`,
      );
    const { brings } = planOf(first);
    return { start: planOf(last).coins, lockTime: planOf(first).lockTime, replaces, brings };
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
      replaces: [await this.chain.costOf(waiting, signal)],
    };
  }

  async #mayReplace(waiting: ChangeStep, signal: AbortSignal): Promise<void> {
    if (await this.chain.isLink(waiting, signal)) return;
    throw new AnchorError(
      'conflict',
      `${waiting.txId}, which is no anchor, spends the wallet’s coin. Use the address ${this.wallet.address} for nothing else.`,
    );
  }
}

interface Start {
  readonly start: readonly Coin[];
  readonly lockTime: number;
  readonly replaces: readonly PaidFee[];
  /** Of the attempts that it comes instead of. */
  readonly brings?: readonly Uint8Array[];
}
