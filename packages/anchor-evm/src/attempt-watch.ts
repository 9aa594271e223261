import type { Attempt, Inclusion, Observation } from '@wattproof/core/spi';
import { draftFrom } from './anchor-draft.js';
import type { EvmConfig } from './evm.config.js';
import type { EvmNode } from './evm-node.js';
import { NonceHistory } from './nonce-history.js';

/** Where attempts stand, by the chain alone. */
export class AttemptWatch {
  readonly #history: NonceHistory;

  constructor(
    private readonly node: EvmNode,
    private readonly finality: EvmConfig['finality'],
  ) {
    this.#history = new NonceHistory(node);
  }

  async observe(attempt: Attempt, signal: AbortSignal): Promise<Observation> {
    const { txId } = attempt;
    const placed = await this.node.placed(txId, signal);
    if (placed) {
      const { inclusion, receipt } = placed;
      const final = await this.final(inclusion, signal);
      // A reverted transaction published nothing and has used up its nonce: it stands in its own way.
      if (!receipt.success)
        return { txId, status: 'conflicted', conflictsWith: txId, inclusion, settled: final };
      return { txId, status: final ? 'final' : 'included', inclusion };
    }
    if (await this.node.transaction(txId, signal)) return { txId, status: 'seen' };
    const { from, nonce } = draftFrom(attempt.detail);
    const spender = await this.#history.spender(from, nonce, signal);
    if (spender?.txId === txId) return { txId, status: 'seen' };
    if (spender !== undefined) {
      const { txId: conflictsWith, inclusion } = spender;
      return {
        txId,
        status: 'conflicted',
        ...(conflictsWith === undefined ? {} : { conflictsWith }),
        ...(inclusion ? { inclusion, settled: await this.final(inclusion, signal) } : {}),
      };
    }
    const used = (await this.node.nonce(from, 'latest', signal)) > nonce;
    return { txId, status: used ? 'conflicted' : 'missing' };
  }

  /** By the chain's own tag, or by depth on chains that have none. */
  async final({ height, depth }: Inclusion, signal: AbortSignal): Promise<boolean> {
    if (typeof this.finality !== 'string') return depth >= this.finality.depth;
    return height <= (await this.node.reached(this.finality, signal));
  }
}
