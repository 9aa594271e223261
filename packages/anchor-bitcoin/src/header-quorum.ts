import { AnchorError } from '@wattproof/core/spi';
import type { BitcoinBackend } from './bitcoin-backend.js';

/** One voice about the best chain. */
export interface HeaderVoice {
  readonly name: string;
  readonly node: Pick<BitcoinBackend, 'blockHash'>;
}

/**
 * Several nodes asked which block stands at a height. One that lies, is stuck or sits on a stale branch is outvoted; while
 * fewer than `agree` say the same, nothing is taken for included and it is asked again later.
 */
export class HeaderQuorum {
  constructor(
    private readonly voices: readonly HeaderVoice[],
    private readonly agree: number,
  ) {}

  /** Throws `AnchorError('unavailable')` when it is not this block that `agree` voices, the asking node's included, name. */
  async confirm(height: number, blockHash: string, signal: AbortSignal): Promise<void> {
    const answers = await Promise.all(
      this.voices.map(async ({ name, node }) => {
        try {
          return { name, hash: (await node.blockHash(height, signal)) ?? 'no block' };
        } catch (error) {
          return { name, hash: 'no answer', error };
        }
      }),
    );
    const agreeing = 1 + answers.filter(({ hash }) => hash === blockHash).length;
    if (agreeing >= this.agree) return;
    const others = answers.filter(({ hash }) => hash !== blockHash);
    throw new AnchorError(
      'unavailable',
      `Only ${agreeing} of ${this.voices.length + 1} nodes say that block ${blockHash} stands at height ${height}; ${this.agree} must. ${others.map(({ name, hash }) => `${name}: ${hash}`).join('; ')}.`,
      { cause: others.find(({ error }) => error !== undefined)?.error },
    );
  }
}
