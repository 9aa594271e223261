import { AnchorError } from '@wattproof/core/spi';
import { anchorErrorOf } from './evm.errors.js';
import { EvmRpc, hostOf, type RpcOptions } from './evm-rpc.js';
import { quantity } from './rpc-values.js';

/** One execution client, asked nothing before it is sure that it serves the chain. Refusals are `AnchorError`. */
export class EvmSource {
  readonly name: string;
  readonly #rpc: EvmRpc;
  #chainChecked = false;

  constructor(
    options: RpcOptions,
    private readonly chainId: number,
  ) {
    this.name = hostOf(options.url);
    this.#rpc = new EvmRpc(options);
  }

  async call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    if (!this.#chainChecked) {
      const served = quantity('eth_chainId', await this.#ask('eth_chainId', [], signal));
      if (served !== BigInt(this.chainId))
        throw new AnchorError(
          'unavailable',
          `The node at ${this.name} serves chain ${served}, the configuration says chainId ${this.chainId}. Correct one of them.`,
        );
      this.#chainChecked = true;
    }
    return this.#ask(method, params, signal);
  }

  async #ask(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#rpc.call(method, params, signal);
    } catch (error) {
      throw anchorErrorOf(error);
    }
  }
}
