import { AnchorError } from '@wattproof/core/spi';
import type { BitcoinNode } from './bitcoin-node.js';
import { type Coin, DUST_SAT } from './anchor-wallet.js';
import { hex } from './verify/block-header.js';
import { readTransaction, type TransactionFacts } from './verify/transaction.js';

/** How far the chain of change is followed back. */
const MAX_STEPS_BACK = 200;
/** Confirmations before a mined coin may be spent (consensus). */
const COINBASE_MATURITY = 100;
const OP_RETURN = 0x6a;

type Output = Pick<Coin, 'txId' | 'index'>;

/** One transaction on the chain of change. */
export interface ChangeStep {
  readonly txId: string;
  readonly bytes: Uint8Array;
  readonly outputs: TransactionFacts['outputs'];
  /** The output that its first input spends. */
  readonly previous: Output;
}

/**
 * The wallet's coins. Each anchor spends one into its own change, so the way back from what is unspent leads
 * through every anchor ever made: what a lost database is rebuilt from.
 */
export class ChangeChain {
  constructor(
    private readonly node: BitcoinNode,
    private readonly address: string,
  ) {}

  /** Confirmed coins that may be spent, newest first. */
  async coins(signal: AbortSignal): Promise<Coin[]> {
    const { unspents, height } = await this.node.unspent(this.address, signal);
    return unspents
      .filter((coin) => coin.coinbase !== true || height - coin.height + 1 > COINBASE_MATURITY)
      .sort((a, b) => b.height - a.height || b.amount - a.amount || a.txid.localeCompare(b.txid))
      .map(({ txid, vout, amount }) => ({
        txId: txid,
        index: vout,
        valueSat: BigInt(Math.round(amount * 1e8)),
      }));
  }

  /** The coin that the next anchor spends. */
  async newestCoin(feeSat: bigint, signal: AbortSignal): Promise<Coin> {
    const needed = feeSat + DUST_SAT;
    const coin = (await this.coins(signal)).find(({ valueSat }) => valueSat >= needed);
    if (!coin)
      throw new AnchorError(
        'insufficient-funds',
        `Address ${this.address} has no confirmed coin of ${needed} sat. Send funds to it.`,
      );
    if (await this.node.spent(coin, signal))
      throw new AnchorError(
        'conflict',
        'An earlier anchor still spends the wallet’s coin; this one follows when it is in a block.',
      );
    return coin;
  }

  /** The first transaction on the way back from the wallet's coins for which `wanted` is true. */
  async find(
    wanted: (step: ChangeStep) => boolean,
    signal: AbortSignal,
  ): Promise<ChangeStep | undefined> {
    for (const coin of await this.coins(signal))
      for await (const step of this.#back(coin.txId, signal)) if (wanted(step)) return step;
    return undefined;
  }

  async valueOf({ txId, index }: Output, signal: AbortSignal): Promise<bigint> {
    const transaction = await this.node.transaction(txId, signal);
    return transaction ? (readTransaction(transaction.bytes).outputs[index]?.valueSat ?? 0n) : 0n;
  }

  /** As far as each is an anchor that spends the change of the one before. */
  async *#back(newest: string, signal: AbortSignal): AsyncGenerator<ChangeStep> {
    let txId = newest;
    for (let steps = 0; steps < MAX_STEPS_BACK; steps += 1) {
      const transaction = await this.node.transaction(txId, signal);
      if (!transaction) return;
      const { stripped, outputs } = readTransaction(transaction.bytes);
      const previous = firstSpent(stripped);
      yield { txId, bytes: transaction.bytes, outputs, previous };
      if (!outputs.some(({ script }) => script[0] === OP_RETURN)) return;
      txId = previous.txId;
    }
  }
}

function firstSpent(stripped: Uint8Array): Output {
  // Behind the version and the count of inputs.
  const start = 5;
  const view = new DataView(stripped.buffer, stripped.byteOffset);
  return {
    txId: hex(stripped.slice(start, start + 32).reverse()),
    index: view.getUint32(start + 32, true),
  };
}
