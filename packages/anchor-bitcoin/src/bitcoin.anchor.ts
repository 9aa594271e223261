import {
  type Anchor,
  AnchorError,
  type AnchorIntent,
  type AnchorQuote,
  type Attempt,
  type Draft,
  type Evidence,
  type Fee,
  type Health,
  type Observation,
  type PluginContext,
  type PrepareOptions,
  type SignedAttempt,
} from '@wattproof/core/spi';
import { ANCHOR_VBYTES, AnchorWallet, type Coin } from './anchor-wallet.js';
import { BitcoinNode } from './bitcoin-node.js';
import type { BitcoinConfig } from './bitcoin.config.js';
import { ChangeChain } from './change-chain.js';
import { otsExport } from './ots-export.js';
import { spvProof } from './spv-proof.js';
import { hex } from './verify/block-header.js';
import { OP_RETURN_EVIDENCE } from './verify/op-return.verifier.js';
import { commitsTo } from './verify/transaction.js';

/** Headers without their block from which on a node is too far behind to be asked. */
const MAX_BLOCKS_BEHIND = 6;

/**
 * Commitments in OP_RETURN outputs. The wallet is one address whose newest coin is spent by each anchor into its own
 * change, so the coin is the conflict key: the ledger itself refuses a second winner.
 */
export class BitcoinAnchor implements Anchor {
  readonly #node: BitcoinNode;
  readonly #wallet: AnchorWallet;
  readonly #chain: ChangeChain;

  constructor(
    private readonly config: BitcoinConfig,
    private readonly context: PluginContext,
  ) {
    this.#node = new BitcoinNode(config.rpc);
    this.#wallet = new AnchorWallet(config.wif, config.network);
    this.#chain = new ChangeChain(this.#node, this.#wallet.address);
  }

  /** The address to fund. */
  get address(): string {
    return this.#wallet.address;
  }

  async quote(_intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote> {
    const coins = await this.#chain.coins(signal);
    return { fee: this.#fee(), balance: coins.reduce((sum, { valueSat }) => sum + valueSat, 0n) };
  }

  async prepare(
    intent: AnchorIntent,
    prior: readonly Attempt[],
    options: PrepareOptions,
  ): Promise<Draft> {
    const fee = this.#fee();
    const cap = options.maxFee ?? BigInt(this.config.maxFeeSat);
    if (fee.amount > cap || fee.amount > BigInt(this.config.maxFeeSat))
      throw new AnchorError(
        'capped',
        `An anchor costs ${fee.amount} sat, more than the cap of ${cap} sat.`,
      );
    const held = prior.find(
      ({ state }) => state !== 'failed' && state !== 'expired' && state !== 'replaced',
    );
    const coin = held ? coinOf(held) : await this.#chain.newestCoin(fee.amount, options.signal);
    return { conflictKey: keyOf(coin), fee, payload: detailOf(coin, intent) };
  }

  async sign(intent: AnchorIntent, draft: Draft, _signal: AbortSignal): Promise<SignedAttempt> {
    const coin = coinFrom(draft.payload);
    if (draft.payload['digest'] !== hex(intent.commitment.digest))
      throw new AnchorError('invalid', 'The draft is of another commitment.');
    const { txId, bytes } = this.#wallet.sign(coin, intent.commitment.digest, draft.fee.amount);
    return {
      txId,
      conflictKey: draft.conflictKey,
      signed: bytes,
      fee: draft.fee,
      detail: draft.payload,
    };
  }

  async broadcast(attempt: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'> {
    const { txId, signed } = attempt;
    if ((await this.#node.transaction(txId, signal)) !== undefined) return 'known';
    if ((await this.#node.send(signed, signal)) === 'known') return 'known';
    // A node may answer with a txid and still have dropped the transaction, so its own view decides.
    if ((await this.#node.transaction(txId, signal)) === undefined)
      throw new AnchorError(
        (await this.#node.spent(coinOf(attempt), signal)) ? 'conflict' : 'rejected',
        `The node took ${txId} and does not have it.`,
      );
    return 'accepted';
  }

  async observe(
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    const observations: Observation[] = [];
    for (const attempt of attempts) observations.push(await this.#observe(attempt, signal));
    return observations;
  }

  async evidence(intent: AnchorIntent, attempt: Attempt, signal: AbortSignal): Promise<Evidence> {
    const { txId, signed } = attempt;
    const inclusion = await this.#node.inclusion(txId, signal);
    if (!inclusion) throw new AnchorError('not-found', `${txId} is in no block of the best chain.`);
    return {
      type: OP_RETURN_EVIDENCE,
      anchor: intent.anchor,
      ledger: `bitcoin:${this.config.network}`,
      trust: 'spv-pow',
      body: await spvProof(this.#node, signed, txId, inclusion, signal),
    };
  }

  /** The anchor on the chain of change that commits to this digest. */
  async findExisting(
    intent: AnchorIntent,
    signal: AbortSignal,
  ): Promise<SignedAttempt | undefined> {
    const { digest } = intent.commitment;
    const found = await this.#chain.find(
      ({ outputs }) => outputs.some(({ script }) => commitsTo(script, digest)),
      signal,
    );
    if (!found) return undefined;
    const coin = {
      ...found.previous,
      valueSat: await this.#chain.valueOf(found.previous, signal),
    };
    const left = found.outputs.reduce((sum, { valueSat }) => sum + valueSat, 0n);
    return {
      txId: found.txId,
      conflictKey: keyOf(coin),
      signed: found.bytes,
      fee: { amount: coin.valueSat - left, unit: 'sat' },
      detail: detailOf(coin, intent),
    };
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      const { blocks, headers } = await this.#node.chainInfo(signal);
      const behind = headers - blocks;
      const ready = behind < MAX_BLOCKS_BEHIND;
      return {
        live: true,
        ready,
        ...(ready ? {} : { detail: `The node is ${behind} blocks behind its headers.` }),
        facts: { height: blocks, address: this.address },
      };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const { logger, instanceId } = this.context;
      logger.warn('bitcoin node unreachable', { instance: instanceId, error: detail });
      return { live: true, ready: false, detail };
    }
  }

  readonly exportProof = otsExport;

  async close(): Promise<void> {}

  #fee(): Fee {
    const rate = this.config.feeRateSatPerVb;
    return {
      amount: BigInt(Math.ceil(rate * ANCHOR_VBYTES)),
      unit: 'sat',
      rate: { amount: rate, unit: 'sat/vB' },
    };
  }

  async #observe(attempt: Attempt, signal: AbortSignal): Promise<Observation> {
    const { txId } = attempt;
    const inclusion = await this.#node.inclusion(txId, signal);
    if (inclusion)
      return {
        txId,
        status: inclusion.depth >= this.config.confirmations ? 'final' : 'included',
        inclusion,
      };
    if (await this.#node.transaction(txId, signal)) return { txId, status: 'seen' };
    const coin = coinOf(attempt);
    if (!(await this.#node.spent(coin, signal))) return { txId, status: 'missing' };
    const winner = await this.#chain.find(
      ({ previous }) => previous.txId === coin.txId && previous.index === coin.index,
      signal,
    );
    const won = winner && (await this.#node.inclusion(winner.txId, signal));
    return {
      txId,
      status: 'conflicted',
      ...(winner === undefined ? {} : { conflictsWith: winner.txId }),
      ...(won === undefined ? {} : { inclusion: won }),
    };
  }
}

const keyOf = ({ txId, index }: Coin): string => `${txId}:${index}`;

const detailOf = ({ txId, index, valueSat }: Coin, { commitment }: AnchorIntent) => ({
  tx_id: txId,
  index,
  value_sat: valueSat.toString(),
  digest: hex(commitment.digest),
});

const coinOf = (attempt: SignedAttempt): Coin => coinFrom(attempt.detail ?? {});

function coinFrom(detail: NonNullable<SignedAttempt['detail']>): Coin {
  const { tx_id: txId, index, value_sat: valueSat } = detail;
  if (typeof txId !== 'string' || typeof index !== 'number' || typeof valueSat !== 'string')
    throw new AnchorError('invalid', 'The attempt does not name the coin it spends.');
  return { txId, index, valueSat: BigInt(valueSat) };
}
