import type { Attempt, Inclusion, Observation } from '@wattproof/core/spi';
import { firstCoin, planOf } from './anchor-draft.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import type { ChangeChain, Outpoint } from './change-chain.js';

/** Where attempts stand, by the node's word of now. */
export class AttemptWatch {
  constructor(
    private readonly node: BitcoinBackend,
    private readonly chain: ChangeChain,
    private readonly confirmations: number,
  ) {}

  async observe(
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    // What each transaction spends first, of the attempts and of those that led to their coins.
    const spends = new Map<string, Outpoint>();
    for (const attempt of attempts) {
      const { via } = planOf(attempt);
      const coin = firstCoin(attempt);
      spends.set(attempt.txId, coin);
      let { txId } = coin;
      for (const spent of via) {
        spends.set(txId, spent);
        txId = spent.txId;
      }
    }
    const digests = attempts.flatMap((attempt) => planOf(attempt).digest ?? []);
    const ours = { spends, digests };
    const observations: Observation[] = [];
    for (const { txId } of attempts) observations.push(await this.#observe(txId, ours, signal));
    return observations;
  }

  /** On the best chain or waiting; a node with an index also shows what only a stale block holds. */
  async knows(txId: string, signal: AbortSignal): Promise<boolean> {
    const transaction = await this.node.transaction(txId, signal);
    if (!transaction) return false;
    return (
      transaction.blockHash === undefined || (await this.node.inclusion(txId, signal)) !== undefined
    );
  }

  async #observe(txId: string, ours: Ours, signal: AbortSignal): Promise<Observation> {
    const inclusion = await this.node.inclusion(txId, signal);
    if (inclusion)
      return {
        txId,
        status: inclusion.depth >= this.confirmations ? 'final' : 'included',
        inclusion,
      };
    if (await this.knows(txId, signal)) return { txId, status: 'seen' };
    const taken = await this.#taken(ours.spends.get(txId), ours, signal);
    if (!taken) return { txId, status: 'missing' };
    return {
      txId,
      status: 'conflicted',
      ...(taken.by === undefined ? {} : { conflictsWith: taken.by }),
      ...(taken.inclusion === undefined ? {} : { inclusion: taken.inclusion }),
    };
  }

  /** What a block holds instead: it spends this coin, or one without which this coin cannot come to be. */
  async #taken(
    coin: Outpoint | undefined,
    ours: Ours,
    signal: AbortSignal,
  ): Promise<{ readonly by?: string; readonly inclusion?: Inclusion } | undefined> {
    if (coin === undefined) return undefined;
    const spending = await this.node.spending(coin, signal);
    if (!spending)
      return (await this.knows(coin.txId, signal))
        ? undefined
        : this.#taken(ours.spends.get(coin.txId), ours, signal);
    if (!spending.inBlock) return undefined;
    const by = spending.txId ?? (await this.chain.spender(coin, ours.digests, signal))?.txId;
    const inclusion = by === undefined ? undefined : await this.node.inclusion(by, signal);
    return {
      ...(by === undefined ? {} : { by }),
      ...(inclusion === undefined ? {} : { inclusion }),
    };
  }
}

interface Ours {
  readonly spends: ReadonlyMap<string, Outpoint>;
  readonly digests: readonly Uint8Array[];
}
