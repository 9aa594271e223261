import { AnchorError } from '@wattproof/core/spi';
import { Transaction } from 'bitcoinjs-lib';
import type { AnchorWallet, Coin } from './anchor-wallet.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import type { PaidFee } from './fee-schedule.js';
import { hex } from './verify/block-header.js';

/** How far the chain of change is followed back. */
const MAX_STEPS_BACK = 200;
/** Transactions that are kept read: of the chain, and of what anybody sends to the address. */
const MAX_READ = 5_000;
/** Confirmations before a mined coin may be spent (consensus). */
const COINBASE_MATURITY = 100;
/** Anchors whose order is kept with an attempt: more than a reorganisation takes back. */
export const ANCESTORS = 24;
/** Unconfirmed descendants that Bitcoin Core takes (`-limitdescendantcount`). */
const MAX_WAITING = 25;
const OP_RETURN = 0x6a;

export type Outpoint = Pick<Coin, 'txId' | 'index'>;

/** A coin in a block. */
export interface WalletCoin extends Coin {
  /** Blocks on top of and including the one that made it. */
  readonly depth: number;
}

/** One transaction as far as the chain of change needs it. */
export interface ChangeStep {
  readonly txId: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Outpoint[];
  readonly outputs: readonly { readonly valueSat: bigint; readonly script: Uint8Array }[];
  readonly vbytes: number;
  readonly lockTime: number;
}

/**
 * The wallet's coins. Each anchor spends the change of the one before, so the way back from what is unspent leads
 * through every anchor ever made: what a lost database is rebuilt from.
 */
export class ChangeChain {
  /** Bytes never change under one txid, so what was read once need not be asked for again. */
  readonly #read = new Map<string, ChangeStep>();

  constructor(
    protected readonly node: BitcoinBackend,
    private readonly wallet: Pick<AnchorWallet, 'address' | 'script'>,
  ) {}

  /** Coins in blocks that consensus lets spend, the dearest first. */
  async coins(signal: AbortSignal): Promise<WalletCoin[]> {
    const { unspents, height } = await this.node.unspent(this.wallet.address, signal);
    return unspents
      .map((coin) => ({
        txId: coin.txid,
        index: coin.vout,
        valueSat: BigInt(Math.round(coin.amount * 1e8)),
        depth: height - coin.height + 1,
        coinbase: coin.coinbase === true,
      }))
      .filter(({ coinbase, depth }) => !coinbase || depth > COINBASE_MATURITY)
      .sort(
        (a, b) =>
          Number(b.valueSat - a.valueSat) || b.depth - a.depth || a.txId.localeCompare(b.txId),
      );
  }

  /** Of these coins the one that the chain goes on from: change of the newest anchor, else what an anchor waits to spend. */
  async end(coins: readonly WalletCoin[], signal: AbortSignal): Promise<WalletCoin | undefined> {
    for (const coin of coins.toSorted((a, b) => a.depth - b.depth)) {
      const step = await this.step(coin.txId, signal);
      if (step && (await this.isLink(step, signal))) return coin;
    }
    for (const coin of coins) if ((await this.waiting(coin, signal)) !== undefined) return coin;
    return undefined;
  }

  /** The transaction that waits to spend an output. */
  async waiting(output: Outpoint, signal: AbortSignal): Promise<ChangeStep | undefined> {
    const spending = await this.node.spending(output, signal);
    return spending?.inBlock === false && spending.txId !== undefined
      ? this.step(spending.txId, signal)
      : undefined;
  }

  /**
   * The first transaction for which `wanted` is true, on the way back from the wallet's coins and from what waits to
   * spend them. What made the oldest of them is among those asked and need not be an anchor.
   */
  async find(
    wanted: (step: ChangeStep) => boolean,
    signal: AbortSignal,
  ): Promise<ChangeStep | undefined> {
    for (const coin of await this.coins(signal)) {
      const waiting = await this.waiting(coin, signal);
      if (waiting && wanted(waiting)) return waiting;
      for await (const step of this.#back(coin.txId, signal)) if (wanted(step)) return step;
    }
    return undefined;
  }

  /** What spends an output of ours in a block; `digests` is what our attempts that are looked at commit to. */
  async spender(
    output: Outpoint,
    _digests: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ChangeStep | undefined> {
    const { txId, index } = output;
    return this.find(
      ({ inputs }) => inputs.some((input) => input.txId === txId && input.index === index),
      signal,
    );
  }

  /** What waits to spend an output, what waits to spend the change of that, and so on. */
  async *waitingOn(output: Outpoint, signal: AbortSignal): AsyncGenerator<ChangeStep> {
    let spent = output;
    for (let steps = 0; steps < MAX_WAITING; steps += 1) {
      const step = await this.waiting(spent, signal);
      if (!step) return;
      yield step;
      spent = changeOf(step);
    }
  }

  /** Children between this transaction and the newest anchor that led to it, oldest first; itself, if it is one. */
  async childrenTo(newest: string, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const children: Uint8Array[] = [];
    for await (const step of this.#back(newest, signal)) {
      if (!(await this.mayBeChild(step, signal))) break;
      children.unshift(step.bytes);
    }
    return children;
  }

  /** What this transaction spends first, and what the one before it did, as far as they are anchors. */
  async ancestry(newest: string, signal: AbortSignal): Promise<Outpoint[]> {
    const spent: Outpoint[] = [];
    for await (const { inputs } of this.#back(newest, signal)) {
      spent.push(inputs[0] as Outpoint);
      if (spent.length === ANCESTORS) break;
    }
    return spent;
  }

  /** A transaction in a block or waiting; undefined when the node has none of this id. */
  async step(txId: string, signal: AbortSignal): Promise<ChangeStep | undefined> {
    const known = this.#read.get(txId);
    if (known) return known;
    const answer = await this.node.transaction(txId, signal);
    if (!answer) return undefined;
    const step = readStep(txId, answer.bytes);
    this.#read.set(txId, step);
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= MAX_READ) break;
      this.#read.delete(oldest);
    }
    return step;
  }

  /** Ours: it spends a coin of the wallet and pays to the wallet alone, beside the commitment. */
  async isAnchor({ inputs, outputs }: ChangeStep, signal: AbortSignal): Promise<boolean> {
    const ours = outputs.filter(({ script }) => this.#isOurs(script));
    const commitments = outputs.filter(({ script }) => script[0] === OP_RETURN);
    if (commitments.length !== 1 || ours.length + 1 !== outputs.length) return false;
    const { txId, index } = inputs[0] as Outpoint;
    const previous = await this.step(txId, signal);
    return this.#isOurs(previous?.outputs[index]?.script ?? new Uint8Array());
  }

  /** Of the chain of change: an anchor or a child. */
  async isLink(step: ChangeStep, signal: AbortSignal, depth = MAX_WAITING): Promise<boolean> {
    return (await this.isAnchor(step, signal)) || this.isChild(step, signal, depth);
  }

  /** Of what led to our coin: a child, or shaped like one where nobody can tell. */
  protected mayBeChild(step: ChangeStep, signal: AbortSignal): Promise<boolean> {
    return this.isChild(step, signal);
  }

  /** Ours, and it publishes nothing: it spends the change of an anchor or of another child into change alone. */
  async isChild(
    { inputs, outputs }: ChangeStep,
    signal: AbortSignal,
    depth = MAX_WAITING,
  ): Promise<boolean> {
    const [change, ...others] = outputs;
    if (depth === 0 || others.length > 0 || !change || !this.#isOurs(change.script)) return false;
    const previous = await this.step((inputs[0] as Outpoint).txId, signal);
    return previous !== undefined && this.isLink(previous, signal, depth - 1);
  }

  /** What has to be outbid to take the place of one that waits: its fee and those of all that waits behind it. */
  async costOf(step: ChangeStep, signal: AbortSignal): Promise<PaidFee> {
    const { vbytes, feeSat } = await this.feeOf(step, signal);
    let total = feeSat;
    for await (const behind of this.waitingOn(changeOf(step), signal))
      total += (await this.feeOf(behind, signal)).feeSat;
    return { feeSat: total, vbytes };
  }

  /** The coin that an anchor or a child leaves to the next. */
  async change(step: ChangeStep): Promise<Coin> {
    return this.spendable(changeOf(step));
  }

  async feeOf({ inputs, outputs, vbytes }: ChangeStep, signal: AbortSignal): Promise<PaidFee> {
    const coins = await this.coinsOf(inputs, signal);
    return { feeSat: sum(coins) - sum(outputs), vbytes };
  }

  /** The outputs with what they hold. */
  async coinsOf(outputs: readonly Outpoint[], signal: AbortSignal): Promise<Coin[]> {
    const coins: Coin[] = [];
    for (const { txId, index } of outputs) {
      const valueSat = (await this.step(txId, signal))?.outputs[index]?.valueSat;
      if (valueSat === undefined)
        throw new AnchorError('unavailable', `The node does not show output ${index} of ${txId}.`);
      coins.push(await this.spendable({ txId, index, valueSat }));
    }
    return coins;
  }

  /** As far as each is an anchor or a child that spends the change of the one before; the first that is neither comes last. */
  async *#back(newest: string, signal: AbortSignal): AsyncGenerator<ChangeStep> {
    let txId = newest;
    for (let steps = 0; steps < MAX_STEPS_BACK; steps += 1) {
      const step = await this.step(txId, signal);
      if (!step) return;
      yield step;
      if (!(await this.leadsBack(step, signal))) return;
      txId = (step.inputs[0] as Outpoint).txId;
    }
  }

  /** Whether what this transaction spends first belongs to the chain, given that the chain goes on from it. */
  protected leadsBack(step: ChangeStep, signal: AbortSignal): Promise<boolean> {
    return this.isLink(step, signal);
  }

  /** The coin with what it takes to spend it. */
  protected async spendable(coin: Coin): Promise<Coin> {
    return coin;
  }

  #isOurs(script: Uint8Array): boolean {
    return hex(script) === hex(this.wallet.script);
  }
}

export const sum = (values: readonly { readonly valueSat: bigint }[]): bigint =>
  values.reduce((total, { valueSat }) => total + valueSat, 0n);

/** Throws what the library throws on bytes that are no transaction. */
export const txIdOf = (bytes: Uint8Array): string => Transaction.fromBuffer(bytes).getId();

/** The coin that the chain goes on from: change is the last output. */
export const changeOf = ({ txId, outputs }: ChangeStep): Coin => ({
  txId,
  index: outputs.length - 1,
  valueSat: outputs.at(-1)?.valueSat ?? 0n,
});

export function readStep(txId: string, bytes: Uint8Array): ChangeStep {
  try {
    const transaction = Transaction.fromBuffer(bytes);
    if (transaction.getId() !== txId) throw new Error(`it is ${transaction.getId()}`);
    return {
      txId,
      bytes,
      inputs: transaction.ins.map(({ hash, index }) => ({
        txId: hex(Uint8Array.from(hash).reverse()),
        index,
      })),
      outputs: transaction.outs.map(({ value, script }) => ({ valueSat: value, script })),
      vbytes: transaction.virtualSize(),
      lockTime: transaction.locktime,
    };
  } catch (cause) {
    throw new AnchorError(
      'unavailable',
      `What the node gave as transaction ${txId} is not that: ${(cause as Error).message}.`,
      { cause },
    );
  }
}
