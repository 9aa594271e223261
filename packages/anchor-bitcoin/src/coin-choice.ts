import { AnchorError, type Fee } from '@wattproof/core/spi';
import type { AnchorWallet, Coin } from './anchor-wallet.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import type { BitcoinChainConfig } from './bitcoin.config.js';
import { sum, type WalletCoin } from './change-chain.js';

/** Which coins pay for a transaction. */
export class CoinChoice {
  constructor(
    private readonly config: BitcoinChainConfig,
    private readonly node: BitcoinBackend,
    private readonly wallet: AnchorWallet,
  ) {}

  /** Adds coins until they pay for the fee and for change that is worth relaying. */
  async cover(
    start: readonly Coin[],
    coins: readonly WalletCoin[],
    feeOf: (count: number) => Fee,
    signal: AbortSignal,
  ): Promise<{ readonly chosen: readonly Coin[]; readonly fee: Fee }> {
    const chosen: Coin[] = [...start];
    const more = coins.filter(
      ({ txId, index, depth }) =>
        depth >= this.config.confirmations &&
        !start.some((coin) => coin.txId === txId && coin.index === index),
    );
    for (;;) {
      const fee = feeOf(Math.max(1, chosen.length));
      const needed = fee.amount + this.wallet.dustSat;
      if (chosen.length > 0 && sum(chosen) >= needed)
        return {
          chosen: chosen.map(({ txId, index, valueSat, committed }) => ({
            txId,
            index,
            valueSat,
            ...(committed === undefined ? {} : { committed }),
          })),
          fee,
        };
      const next = more.shift();
      // The dearest come first: once one does not pay for its own input, none does, and anybody can send hundreds of them.
      const price = chosen.length > 0 ? feeOf(chosen.length + 1).amount - fee.amount : 0n;
      if (!next || next.valueSat <= price) throw this.#tooPoor(needed, chosen, coins);
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
