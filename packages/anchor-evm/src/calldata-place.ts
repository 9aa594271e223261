import type { Commitment } from '@wattproof/core/spi';
import { rpcBytes } from './block-header-rlp.js';
import type { CommitmentPlace } from './commitment-place.js';
import type { EvmNode } from './evm-node.js';
import { NonceHistory } from './nonce-history.js';
import { calldataOf, originHash, readCalldata } from './verify/checkpoint-words.js';
import { hex, same } from './verify/hex.js';

/** How many of the account's transactions are looked at, newest first. */
const MAX_STEPS_BACK = 200;

/** Calldata to oneself: no contract, and no memory but the account's own transactions. */
export class CalldataPlace implements CommitmentPlace {
  readonly leastGas = 25_000n;
  readonly #history: NonceHistory;

  constructor(private readonly node: EvmNode) {
    this.#history = new NonceHistory(node);
  }

  target(sender: string, commitment: Commitment) {
    return { to: sender, data: `0x${hex(calldataOf(commitment))}` };
  }

  async ready(): Promise<void> {}
  async admit(): Promise<void> {}

  async newest(sender: string, origin: string, signal: AbortSignal) {
    const wanted = originHash(origin);
    for await (const said of this.#back(sender, signal))
      if (same(said.origin, wanted)) return { size: said.size, digest: said.digest };
    return undefined;
  }

  async find(sender: string, { origin, size, digest }: Commitment, signal: AbortSignal) {
    const wanted = originHash(origin);
    for await (const said of this.#back(sender, signal)) {
      if (!same(said.origin, wanted)) continue;
      if (same(said.digest, digest)) return said.txId;
      // Sizes grow with the account's nonces: it would have come by now.
      if (said.size < size) return undefined;
    }
    return undefined;
  }

  /** The account's included anchors, newest first, as far as the node remembers its state. */
  async *#back(sender: string, signal: AbortSignal) {
    const count = await this.node.nonce(sender, 'latest', signal);
    for (let nonce = count - 1; nonce >= Math.max(0, count - MAX_STEPS_BACK); nonce -= 1) {
      const txId = (await this.#history.spender(sender, nonce, signal))?.txId;
      const input = txId === undefined ? undefined : await this.node.transaction(txId, signal);
      if (txId === undefined || input === undefined) return;
      const said = readCalldata(rpcBytes(input['input']));
      if (said !== undefined) yield { ...said, txId };
    }
  }
}
