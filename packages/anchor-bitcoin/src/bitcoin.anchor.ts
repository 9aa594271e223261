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
  type Inclusion,
  type Observation,
  type PluginContext,
  type PrepareOptions,
  type SignedAttempt,
} from '@wattproof/core/spi';
import { BitcoinRpc } from './bitcoin-rpc.js';
import type { BitcoinConfig } from './bitcoin.config.js';
import { anchorErrorOf, isKnown, isNotFound } from './bitcoin.errors.js';
import { ANCHOR_VBYTES, AnchorWallet, type Coin, DUST_SAT } from './op-return.js';
import { bytesOf, hex } from './verify/block-header.js';
import { branchOf } from './verify/merkle-branch.js';
import { OP_RETURN_EVIDENCE } from './verify/op-return.verifier.js';
import { commitsTo, readTransaction } from './verify/transaction.js';

/** How far `findExisting` follows the chain of change back. */
const MAX_STEPS_BACK = 200;

interface VerboseTransaction {
  readonly hex: string;
  readonly blockhash?: string | null;
}
interface ScannedCoin {
  readonly txid: string;
  readonly vout: number;
  /** BTC, as JSON number with at most eight decimals. */
  readonly amount: number;
  readonly height: number;
  readonly coinbase?: boolean;
}
/** Confirmations before a mined coin may be spent (consensus). */
const COINBASE_MATURITY = 100;

/**
 * Commitments in OP_RETURN outputs. The wallet is one address whose newest coin is spent by each anchor into its own
 * change, so the coin is the conflict key: the ledger itself refuses a second winner, and the chain of change is
 * what a lost database is rebuilt from.
 */
export class BitcoinAnchor implements Anchor {
  readonly #rpc: BitcoinRpc;
  readonly #wallet: AnchorWallet;
  readonly #ledger: string;

  constructor(
    private readonly config: BitcoinConfig,
    private readonly context: PluginContext,
    rpc?: BitcoinRpc,
  ) {
    this.#rpc = rpc ?? new BitcoinRpc(config.rpc);
    this.#wallet = new AnchorWallet(config.wif, config.network);
    this.#ledger = `bitcoin:${config.network}`;
  }

  /** The address to fund. */
  get address(): string {
    return this.#wallet.address;
  }

  async quote(_intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote> {
    const coins = await this.#coins(signal);
    return { fee: this.#fee(), balance: coins.reduce((sum, { valueSat }) => sum + valueSat, 0n) };
  }

  async prepare(
    intent: AnchorIntent,
    prior: readonly Attempt[],
    options: PrepareOptions,
  ): Promise<Draft> {
    const fee = this.#fee();
    const cap = options.maxFee ?? BigInt(this.config.maxFeeSat);
    if (fee.amount > cap || fee.amount > BigInt(this.config.maxFeeSat)) {
      throw new AnchorError(
        'capped',
        `An anchor costs ${fee.amount} sat, more than the cap of ${cap} sat.`,
      );
    }
    const held = prior.find(
      ({ state }) => state !== 'failed' && state !== 'expired' && state !== 'replaced',
    );
    const coin = held ? coinOf(held) : await this.#newestCoin(fee.amount, options.signal);
    return {
      conflictKey: `${coin.txId}:${coin.index}`,
      fee,
      payload: {
        tx_id: coin.txId,
        index: coin.index,
        value_sat: coin.valueSat.toString(),
        digest: hex(intent.commitment.digest),
      },
    };
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
    if ((await this.#transaction(attempt.txId, signal)) !== undefined) return 'known';
    try {
      await this.#rpc.call('sendrawtransaction', [hex(attempt.signed)], signal);
    } catch (error) {
      if (isKnown(error)) return 'known';
      throw anchorErrorOf(error);
    }
    // A node may answer with a txid and still have dropped the transaction, so its own view decides.
    if ((await this.#transaction(attempt.txId, signal)) === undefined) {
      throw new AnchorError(
        (await this.#spent(coinOf(attempt), signal)) ? 'conflict' : 'rejected',
        `The node took ${attempt.txId} and does not have it.`,
      );
    }
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
    const inclusion = await this.#inclusion(attempt.txId, signal);
    if (!inclusion)
      throw new AnchorError('not-found', `${attempt.txId} is in no block of the best chain.`);
    const block = await this.#call<{ tx: readonly string[] }>(
      'getblock',
      [inclusion.blockHash, true],
      signal,
    );
    const header = await this.#call<string>('getblockheader', [inclusion.blockHash, false], signal);
    const coinbase = await this.#transaction(block.tx[0] as string, signal);
    const ids = block.tx.map((id) => (bytesOf(id) as Uint8Array).reverse());
    const index = block.tx.indexOf(attempt.txId);
    if (index < 0 || !coinbase)
      throw new AnchorError(
        'not-found',
        `Block ${inclusion.blockHash} does not list ${attempt.txId}.`,
      );
    return {
      type: OP_RETURN_EVIDENCE,
      anchor: intent.anchor,
      ledger: this.#ledger,
      trust: 'spv-pow',
      body: {
        tx: hex(readTransaction(attempt.signed).stripped),
        index,
        count: ids.length,
        branch: branchOf(ids, index).map(hex),
        coinbase: hex(readTransaction(bytesOf(coinbase.hex) as Uint8Array).stripped),
        coinbase_branch: branchOf(ids, 0).map(hex),
        header,
        block_hash: inclusion.blockHash,
        height: inclusion.height,
      },
    };
  }

  /** Follows the wallet's coins back through the change of earlier anchors until one commits to this digest. */
  async findExisting(
    intent: AnchorIntent,
    signal: AbortSignal,
  ): Promise<SignedAttempt | undefined> {
    for (const coin of await this.#coins(signal)) {
      let txId: string | undefined = coin.txId;
      for (let step = 0; txId !== undefined && step < MAX_STEPS_BACK; step += 1) {
        const transaction = await this.#transaction(txId, signal);
        if (!transaction) break;
        const bytes = bytesOf(transaction.hex) as Uint8Array;
        const facts = readTransaction(bytes);
        const previous = previousOutput(facts.stripped);
        if (facts.outputs.some(({ script }) => commitsTo(script, intent.commitment.digest))) {
          const paid = await this.#valueOf(previous, signal);
          const fee = paid - facts.outputs.reduce((sum, { valueSat }) => sum + valueSat, 0n);
          return {
            txId,
            conflictKey: `${previous.txId}:${previous.index}`,
            signed: bytes,
            fee: { amount: fee, unit: 'sat' },
            detail: {
              tx_id: previous.txId,
              index: previous.index,
              value_sat: paid.toString(),
              digest: hex(intent.commitment.digest),
            },
          };
        }
        txId = facts.outputs.some(({ script }) => script[0] === 0x6a) ? previous.txId : undefined;
      }
    }
    return undefined;
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      const { blocks, headers } = await this.#call<{ blocks: number; headers: number }>(
        'getblockchaininfo',
        [],
        signal,
      );
      const behind = headers - blocks;
      return {
        live: true,
        ready: behind < 6,
        ...(behind < 6 ? {} : { detail: `The node is ${behind} blocks behind its headers.` }),
        facts: { height: blocks, address: this.address },
      };
    } catch (error) {
      this.context.logger.warn('bitcoin node unreachable', {
        instance: this.context.instanceId,
        error: String(error),
      });
      return {
        live: true,
        ready: false,
        detail: error instanceof Error ? error.message : String(error),
      };
    }
  }

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
    const inclusion = await this.#inclusion(txId, signal);
    if (inclusion)
      return {
        txId,
        status: inclusion.depth >= this.config.confirmations ? 'final' : 'included',
        inclusion,
      };
    if (await this.#transaction(txId, signal)) return { txId, status: 'seen' };
    const coin = coinOf(attempt);
    if (!(await this.#spent(coin, signal))) return { txId, status: 'missing' };
    const winner = await this.#spenderOf(coin, signal);
    const won = winner === undefined ? undefined : await this.#inclusion(winner, signal);
    return {
      txId,
      status: 'conflicted',
      ...(winner === undefined ? {} : { conflictsWith: winner }),
      ...(won === undefined ? {} : { inclusion: won }),
    };
  }

  /** The transaction on the chain of change that spends the coin. */
  async #spenderOf(coin: Coin, signal: AbortSignal): Promise<string | undefined> {
    for (const newest of await this.#coins(signal)) {
      let txId = newest.txId;
      for (let step = 0; step < MAX_STEPS_BACK; step += 1) {
        const transaction = await this.#transaction(txId, signal);
        if (!transaction) break;
        const facts = readTransaction(bytesOf(transaction.hex) as Uint8Array);
        const previous = previousOutput(facts.stripped);
        if (previous.txId === coin.txId && previous.index === coin.index) return txId;
        if (!facts.outputs.some(({ script }) => script[0] === 0x6a)) break;
        txId = previous.txId;
      }
    }
    return undefined;
  }

  /** Where a transaction is on the best chain. A stale block is not: the hash at its height decides. */
  async #inclusion(txId: string, signal: AbortSignal): Promise<Inclusion | undefined> {
    const blockHash = (await this.#transaction(txId, signal))?.blockhash;
    if (!blockHash) return undefined;
    const header = await this.#call<{ height: number; time: number }>(
      'getblockheader',
      [blockHash, true],
      signal,
    );
    const tip = await this.#call<number>('getblockcount', [], signal);
    if (
      header.height > tip ||
      (await this.#call<string>('getblockhash', [header.height], signal)) !== blockHash
    )
      return undefined;
    return {
      height: header.height,
      blockHash,
      blockTimeMs: header.time * 1000,
      depth: tip - header.height + 1,
    };
  }

  /** True when somebody else's transaction spends the coin, in a block or waiting. */
  async #spent(coin: Coin, signal: AbortSignal): Promise<boolean> {
    const open = await this.#call<object | null>('gettxout', [coin.txId, coin.index, true], signal);
    return open === null && (await this.#transaction(coin.txId, signal)) !== undefined;
  }

  async #transaction(txId: string, signal: AbortSignal): Promise<VerboseTransaction | undefined> {
    try {
      return await this.#rpc.call<VerboseTransaction>('getrawtransaction', [txId, true], signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw anchorErrorOf(error);
    }
  }

  async #valueOf(
    output: { readonly txId: string; readonly index: number },
    signal: AbortSignal,
  ): Promise<bigint> {
    const transaction = await this.#transaction(output.txId, signal);
    return transaction
      ? (readTransaction(bytesOf(transaction.hex) as Uint8Array).outputs[output.index]?.valueSat ??
          0n)
      : 0n;
  }

  async #coins(signal: AbortSignal): Promise<Coin[]> {
    const { unspents, height } = await this.#call<{
      unspents: readonly ScannedCoin[];
      height: number;
    }>('scantxoutset', ['start', [`addr(${this.address})`]], signal);
    return unspents
      .filter((coin) => coin.coinbase !== true || height - coin.height + 1 > COINBASE_MATURITY)
      .sort((a, b) => b.height - a.height || b.amount - a.amount || a.txid.localeCompare(b.txid))
      .map(({ txid, vout, amount }) => ({
        txId: txid,
        index: vout,
        valueSat: BigInt(Math.round(amount * 1e8)),
      }));
  }

  async #newestCoin(feeSat: bigint, signal: AbortSignal): Promise<Coin> {
    const coins = await this.#coins(signal);
    const enough = coins.filter(({ valueSat }) => valueSat >= feeSat + DUST_SAT);
    const [coin] = enough;
    if (!coin)
      throw new AnchorError(
        'insufficient-funds',
        `Address ${this.address} has no confirmed coin of ${feeSat + DUST_SAT} sat. Send funds to it.`,
      );
    if (await this.#spent(coin, signal))
      throw new AnchorError(
        'conflict',
        'An earlier anchor still spends the wallet’s coin; this one follows when it is in a block.',
      );
    return coin;
  }

  async #call<T>(method: string, parameters: readonly unknown[], signal: AbortSignal): Promise<T> {
    try {
      return await this.#rpc.call<T>(method, parameters, signal);
    } catch (error) {
      throw anchorErrorOf(error);
    }
  }
}

function coinOf(attempt: SignedAttempt): Coin {
  return coinFrom(attempt.detail ?? {});
}

function coinFrom(detail: NonNullable<SignedAttempt['detail']>): Coin {
  const { tx_id: txId, index, value_sat: valueSat } = detail;
  if (typeof txId !== 'string' || typeof index !== 'number' || typeof valueSat !== 'string') {
    throw new AnchorError('invalid', 'The attempt does not name the coin it spends.');
  }
  return { txId, index, valueSat: BigInt(valueSat) };
}

/** The output that the first input spends. */
function previousOutput(stripped: Uint8Array): { readonly txId: string; readonly index: number } {
  const start = 5;
  const view = new DataView(stripped.buffer, stripped.byteOffset);
  return {
    txId: hex(stripped.slice(start, start + 32).reverse()),
    index: view.getUint32(start + 32, true),
  };
}
