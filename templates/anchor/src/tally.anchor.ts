import {
  type Anchor,
  AnchorError,
  type AnchorIntent,
  type AnchorQuote,
  type Attempt,
  type Draft,
  type Evidence,
  type Health,
  type Inclusion,
  type Observation,
  type PluginContext,
  type PrepareOptions,
  type SignedAttempt,
} from '@wattproof/core/spi';
import { fromHex, toHex } from '@wattproof/core/verify';
import { Account } from './account.js';
import { feeFor } from './fee.js';
import { type LedgerTransaction, TallyClient } from './tally-client.js';
import type { TallyConfig } from './tally.config.js';
import { TALLY_EVIDENCE } from './verify/index.js';
import { readTransaction, transactionId } from './verify/transaction.js';

/**
 * Commitments in the memos of Tally transactions. The conflict key is the account's sequence number: of all transactions
 * that use one, Tally includes at most one. Everything is asked of Tally; this object remembers nothing.
 */
export class TallyAnchor implements Anchor {
  readonly #client: TallyClient;
  readonly #account: Account;

  constructor(
    private readonly config: TallyConfig,
    private readonly context: PluginContext,
  ) {
    this.#client = new TallyClient(config);
    this.#account = new Account(config.key);
  }

  async quote(_intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote> {
    const { minimumFee } = await this.#client.tip(signal);
    const { balance } = await this.#client.account(this.#account.id, signal);
    return { fee: this.#fee(0, minimumFee, [], undefined), balance };
  }

  async prepare(
    { commitment }: AnchorIntent,
    prior: readonly Attempt[],
    { bump, maxFee, signal }: PrepareOptions,
  ): Promise<Draft> {
    const { minimumFee } = await this.#client.tip(signal);
    const [held] = prior.filter(canStillWin).map(({ signed }) => readTransaction(signed).sequence);
    const sequence = held ?? (await this.#client.account(this.#account.id, signal)).nextSequence;
    const conflictKey = this.#conflictKey(sequence);
    const rivals = prior.filter((attempt) => attempt.conflictKey === conflictKey);
    const fee = this.#fee(
      bump,
      minimumFee,
      rivals.map((rival) => rival.fee.amount),
      maxFee,
    );
    return { conflictKey, fee, payload: { sequence, memo: toHex(commitment.digest) } };
  }

  async sign({ commitment }: AnchorIntent, draft: Draft): Promise<SignedAttempt> {
    const { sequence, memo } = draft.payload;
    if (typeof sequence !== 'number' || memo !== toHex(commitment.digest))
      throw new AnchorError('invalid', 'The draft is of another commitment.');
    return this.#attemptOf(
      this.#account.sign({ sequence, memo, fee: draft.fee.amount.toString() }),
    );
  }

  broadcast({ signed }: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'> {
    return this.#client.submit(signed, signal);
  }

  async observe(
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    const { height } = await this.#client.tip(signal);
    return Promise.all(attempts.map((attempt) => this.#observe(attempt, height, signal)));
  }

  async evidence(
    { anchor }: AnchorIntent,
    { txId }: Attempt,
    signal: AbortSignal,
  ): Promise<Evidence> {
    const found = await this.#client.transaction(txId, signal);
    if (!found?.block) throw new AnchorError('not-found', `${txId} is in no block.`);
    const { header, index, path } = found.block;
    return {
      type: TALLY_EVIDENCE,
      anchor,
      ledger: `tally:${this.config.chain}`,
      trust: 'rpc-quorum',
      body: { tx: found.bytes, header, index, path },
    };
  }

  /** For a lost or older database: what was paid for once is found and not paid for again. */
  async findExisting(
    { commitment }: AnchorIntent,
    signal: AbortSignal,
  ): Promise<SignedAttempt | undefined> {
    const memo = toHex(commitment.digest);
    const [found] = await this.#client.transactionsOf(this.#account.id, { memo }, signal);
    return found && this.#attemptOf(fromHex(found.bytes));
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      const { height } = await this.#client.tip(signal);
      const { balance } = await this.#client.account(this.#account.id, signal);
      const facts = { height, balance: balance.toString(), account: this.#account.id };
      return { live: true, ready: true, facts };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const { logger, instanceId } = this.context;
      logger.warn('Tally cannot be used.', { instance: instanceId, error: detail });
      return { live: true, ready: false, detail };
    }
  }

  async close(): Promise<void> {}

  async #observe(
    { txId, signed }: Attempt,
    tip: number,
    signal: AbortSignal,
  ): Promise<Observation> {
    const found = await this.#client.transaction(txId, signal);
    if (found?.block) return { txId, status: 'included', inclusion: inclusionOf(found.block, tip) };
    if (found) return { txId, status: 'seen' };
    const { account, sequence } = readTransaction(signed);
    const all = await this.#client.transactionsOf(account, { sequence }, signal);
    const winner = all.find(({ block }) => block !== undefined);
    if (winner?.block) {
      const inclusion = inclusionOf(winner.block, tip);
      // Between the two questions it may have been this one.
      if (winner.id === txId) return { txId, status: 'included', inclusion };
      return { txId, status: 'conflicted', conflictsWith: winner.id, inclusion };
    }
    return { txId, status: 'missing' };
  }

  #fee(bump: number, minimumFee: bigint, replaced: readonly bigint[], maxFee: bigint | undefined) {
    const { baseFee, maxFee: ownCap } = this.config;
    const caps = [BigInt(ownCap), ...(maxFee === undefined ? [] : [maxFee])];
    return feeFor({ baseFee, bump, minimumFee, replaced, caps });
  }

  #conflictKey(sequence: number): string {
    return `${this.#account.id}/${sequence}`;
  }

  #attemptOf(signed: Uint8Array): SignedAttempt {
    const { sequence, fee } = readTransaction(signed);
    return {
      txId: transactionId(signed),
      conflictKey: this.#conflictKey(sequence),
      signed,
      fee: { amount: BigInt(fee), unit: 'mite' },
    };
  }
}

/** Refused bytes count too: another node may still take them. */
const canStillWin = ({ state }: Attempt): boolean => state !== 'expired' && state !== 'replaced';

const inclusionOf = (
  { height, hash, time_ms: blockTimeMs }: NonNullable<LedgerTransaction['block']>,
  tip: number,
): Inclusion => ({
  height,
  blockHash: hash,
  blockTimeMs,
  // A block may have come between the two questions.
  depth: Math.max(tip - height, 0) + 1,
});
