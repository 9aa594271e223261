import { AnchorError } from '@wattproof/core/spi';
import { keyOf } from './anchor-draft.js';
import type { AnchorWallet, Coin } from './anchor-wallet.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import {
  ChangeChain,
  changeOf,
  type ChangeStep,
  type Outpoint,
  type WalletCoin,
} from './change-chain.js';
import type { CommitmentBook, SignedCommitment } from './commitment-book.js';
import { hex } from './verify/block-header.js';

/** How far a transaction that nobody recorded is followed back to one that is known to be ours. */
const MAX_LINEAGE = 10_000;
/** Commitments of attempts that are looked up, newest first, when a block holds what none of them is known to be. */
const MAX_ASKED = 5;

/**
 * The chain of change of a wallet whose key each anchor tweaks with its commitment: every anchor pays to another address.
 * What was signed is recorded before it is sent, so the end is the newest record that a block holds. Records that are
 * gone, or older than the chain, are made again from the commitments that are asked for.
 */
export class TweakChain extends ChangeChain {
  /** The record that was the newest in a block when last asked: spares the others, and is asked of the node again. */
  #end: SignedCommitment | undefined;

  constructor(
    node: BitcoinBackend,
    private readonly ours: AnchorWallet,
    private readonly book: CommitmentBook,
  ) {
    super(node, ours);
  }

  /** Records what was signed; durable before it resolves. */
  async keep(signed: Omit<SignedCommitment, 'order'>): Promise<void> {
    const before = await this.book.of(signed.spends.split(':')[0] as string);
    await this.book.keep({ ...signed, order: 1 + (before?.order ?? 0) });
  }

  /** Those at the address, and the newest tweaked one. Throws `conflict` when the records end before the chain does. */
  override async coins(signal: AbortSignal): Promise<WalletCoin[]> {
    const end = await this.#recorded(signal);
    if (end === 'spent') throw endsElsewhere(this.ours.address);
    const atAddress = await super.coins(signal);
    const isEnd = (coin: Outpoint): boolean => end !== undefined && keyOf(coin) === keyOf(end);
    return [...(end ? [end] : []), ...atAddress.filter((coin) => !isEnd(coin))];
  }

  override async end(
    coins: readonly WalletCoin[],
    signal: AbortSignal,
  ): Promise<WalletCoin | undefined> {
    const end = await this.#recorded(signal);
    if (end === 'spent') throw endsElsewhere(this.ours.address);
    if (end !== undefined) return end;
    // Whatever was signed for a coin may still be mined, also when no mempool has it.
    const spent = new Set<string>();
    for await (const { spends } of this.book.newestFirst()) spent.add(spends);
    return coins.find((coin) => spent.has(keyOf(coin))) ?? super.end(coins, signal);
  }

  /** Undefined also when the records end before the chain does. */
  override async find(
    wanted: (step: ChangeStep) => boolean,
    signal: AbortSignal,
  ): Promise<ChangeStep | undefined> {
    return (await this.#recorded(signal)) === 'spent' ? undefined : super.find(wanted, signal);
  }

  override async spender(
    output: Outpoint,
    digests: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ChangeStep | undefined> {
    let found = await super.spender(output, digests, signal);
    for (const digest of digests.slice(-MAX_ASKED).toReversed()) {
      if (found) break;
      if (await this.committing(digest, signal))
        found = await super.spender(output, digests, signal);
    }
    return found;
  }

  override async isAnchor({ txId }: ChangeStep, _signal: AbortSignal): Promise<boolean> {
    return (await this.book.of(txId))?.digest !== undefined;
  }

  override async isChild({ txId }: ChangeStep): Promise<boolean> {
    const record = await this.book.of(txId);
    return record !== undefined && record.digest === undefined;
  }

  /** Without its record it looks like a payment to the address by a stranger, which a block holds already. */
  protected override async mayBeChild(step: ChangeStep): Promise<boolean> {
    const record = await this.book.of(step.txId);
    if (record) return record.digest === undefined;
    return isSingle(step) && hex(step.outputs[0]?.script ?? step.bytes) === hex(this.ours.script);
  }

  protected override async spendable(coin: Coin): Promise<Coin> {
    const committed = (await this.book.of(coin.txId))?.digest;
    return committed === undefined ? coin : { ...coin, committed };
  }

  /** Our transaction that commits to this digest, on the best chain or waiting; from here on it is recorded. */
  async committing(digest: Uint8Array, signal: AbortSignal): Promise<ChangeStep | undefined> {
    const script = hex(this.ours.scriptOf(digest));
    const commits = ({ outputs }: ChangeStep): boolean =>
      outputs.some((output) => hex(output.script) === script);
    const end = await this.#recorded(signal);
    const known = await this.find(commits, signal);
    if (known) return this.#adopt(known, digest, signal);
    // Everything of ours leads to the end that is recorded.
    if (end !== undefined && end !== 'spent') return undefined;
    const { unspents } = await this.node.unspent(this.ours.addressOf(digest), signal, true);
    for (const { txid } of unspents) {
      const step = await this.step(txid, signal);
      // Anybody can pay to that address.
      if (step && (await this.#lineage(step, signal)) !== undefined)
        return this.#adopt(step, digest, signal);
    }
    return undefined;
  }

  /** A chain of single taproot outputs that our own coins go on from was signed by nobody else. */
  protected override async leadsBack(step: ChangeStep): Promise<boolean> {
    return (await this.book.of(step.txId)) !== undefined || isSingle(step);
  }

  async #adopt(step: ChangeStep, digest: Uint8Array, signal: AbortSignal): Promise<ChangeStep> {
    if (await this.book.of(step.txId)) return step;
    const order = (await this.#lineage(step, signal)) ?? 0;
    const spends = keyOf(step.inputs[0] as Outpoint);
    await this.book.keep({ txId: step.txId, digest, spends, order });
    return step;
  }

  /** The newest record that a block holds, as the coin it made; `spent` when a block holds what spends it, too, and no record says what. */
  async #recorded(signal: AbortSignal): Promise<WalletCoin | 'spent' | undefined> {
    // Whatever leads on from the one of last time spends it.
    const last = this.#end && (await this.#coinOf(this.#end, signal));
    if (last !== undefined && last !== 'spent') return last;
    for await (const record of this.book.newestFirst()) {
      const coin = await this.#coinOf(record, signal);
      if (coin === undefined) continue;
      this.#end = record;
      return coin;
    }
    return undefined;
  }

  /** Undefined when no block holds it. */
  async #coinOf(
    { txId, digest }: SignedCommitment,
    signal: AbortSignal,
  ): Promise<WalletCoin | 'spent' | undefined> {
    const inclusion = await this.node.inclusion(txId, signal);
    const step = inclusion && (await this.step(txId, signal));
    if (!inclusion || !step) return undefined;
    const change = { ...changeOf(step), depth: inclusion.depth };
    if ((await this.node.spending(change, signal))?.inBlock === true) return 'spent';
    return digest === undefined ? change : { ...change, committed: digest };
  }

  /** How many of ours led to this one, itself counted; undefined when a stranger made it. */
  async #lineage(newest: ChangeStep, signal: AbortSignal): Promise<number | undefined> {
    let step = newest;
    for (let steps = 1; steps <= MAX_LINEAGE && isSingle(step); steps += 1) {
      const { txId, index } = step.inputs[0] as Outpoint;
      const record = await this.book.of(txId);
      if (record) return steps + record.order;
      const before = await this.step(txId, signal);
      if (!before) return undefined;
      // Nobody else signs for a coin at the address.
      if (hex(before.outputs[index]?.script ?? new Uint8Array(0)) === hex(this.ours.script))
        return steps;
      step = before;
    }
    return undefined;
  }
}

/** One output, to a taproot key. */
const isSingle = ({ outputs }: ChangeStep): boolean =>
  outputs.length === 1 && outputs[0]?.script.length === 34 && outputs[0].script[0] === 0x51;

const endsElsewhere = (address: string): AnchorError =>
  new AnchorError(
    'conflict',
    `The newest anchor that is recorded here has been followed by one that is not: this database is older than the chain of its anchors. Restore the newest copy; if none is left, give the anchor another key than that of ${address}.`,
  );
