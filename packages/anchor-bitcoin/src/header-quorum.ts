import { AnchorError, type Inclusion } from '@wattproof/core/spi';
import type { BitcoinBackend } from './bitcoin-backend.js';

/** One voice about the best chain. */
export interface HeaderVoice {
  readonly name: string;
  readonly node: Pick<BitcoinBackend, 'blockHash' | 'height'>;
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

  /**
   * How deep a block is by what `agree` voices, the asking node's included, say. Throws `AnchorError('unavailable')` when it is
   * not this block that so many name at its height.
   */
  async depth({ height, blockHash, depth }: Inclusion, signal: AbortSignal): Promise<number> {
    const answers = await Promise.all(
      this.voices.map(async ({ name, node }) => {
        try {
          const hash = (await node.blockHash(height, signal)) ?? 'no block';
          return { name, hash, depth: (await node.height(signal)) - height + 1 };
        } catch (error) {
          return { name, hash: 'no answer', depth: 0, error };
        }
      }),
    );
    const depths = [
      depth,
      ...answers.filter(({ hash }) => hash === blockHash).map((one) => one.depth),
    ];
    const agreed = depths.sort((a, b) => b - a)[this.agree - 1];
    if (agreed !== undefined && agreed > 0) return agreed;
    const agreeing = depths.length;
    const others = answers.filter(({ hash }) => hash !== blockHash);
    throw new AnchorError(
      'unavailable',
      `Only ${agreeing} of ${this.voices.length + 1} nodes say that block ${blockHash} stands at height ${height}; ${this.agree} must. ${others.map(({ name, hash }) => `${name}: ${hash}`).join('; ')}.`,
      { cause: others.find(({ error }) => error !== undefined)?.error },
    );
  }
}
