import { AnchorError } from '@wattproof/core/spi';
import { EvmNode, txIdOf } from './evm-node.js';
import type { RpcOptions } from './evm-rpc.js';
import { type EvmSigner, KeySigner } from './evm-signer.js';
import { gasPrice, gwei, weiOf } from './gas-price.js';
import { quantity } from './rpc-values.js';

export interface SendOptions {
  readonly chainId: number;
  readonly rpc: RpcOptions | readonly RpcOptions[];
  /** How many of several nodes must agree; left out, most of them. */
  readonly quorum?: number | undefined;
  /** Private key in hex, or whoever signs. */
  readonly signer: EvmSigner | string;
  /** Most that a unit of gas may cost. */
  readonly maxFeeGwei?: number;
  readonly maxPriorityFeeGwei?: number;
  /** How often a transaction that waits is looked for. */
  readonly pollMs?: number;
  /** True: nothing is signed or sent. */
  readonly dryRun?: boolean;
  /** Told each step, for a person. */
  readonly say?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface OneOff {
  /** What it is for, in a few words. */
  readonly what: string;
  readonly to: string;
  readonly data: string;
  readonly value?: bigint;
  /** Estimated instead of it, while what it calls is not there. */
  readonly like?: Readonly<Record<string, string>>;
}

/** Transactions of an account that are sent once by hand, each waited for. The account must have none that waits. */
export class OneOffSender {
  readonly node: EvmNode;
  readonly signal: AbortSignal;
  readonly #signer: EvmSigner;

  constructor(readonly options: SendOptions) {
    const { rpc, chainId, quorum, signer, signal } = options;
    this.node = new EvmNode(rpc, chainId, quorum);
    this.#signer = typeof signer === 'string' ? new KeySigner(signer) : signer;
    this.signal = signal ?? new AbortController().signal;
  }

  address(): Promise<string> {
    return this.#signer.address(this.signal);
  }

  /** The id of the included transaction; undefined in a dry run. */
  async send({ what, to, data, value = 0n, like }: OneOff): Promise<string | undefined> {
    const { chainId, dryRun = false } = this.options;
    const from = await this.address();
    const nonce = await this.node.nonce(from, 'latest', this.signal);
    if ((await this.node.nonce(from, 'pending', this.signal)) > nonce)
      throw new AnchorError(
        'conflict',
        `A transaction of ${from} waits with nonce ${nonce}. Try again when a block has it, or pay from another account.`,
      );
    const request = like ?? { to, data, value: `0x${value.toString(16)}` };
    const gas = await this.node.gas({ from, ...request }, this.signal);
    const price = await this.#price();
    const cost = gas * price.maxFee + value;
    this.#say(
      `${what}: at most ${gas} gas at ${gwei(price.maxFee)} gwei, ${cost} wei in all, from ${from}`,
    );
    const balance = await this.node.balance(from, this.signal);
    if (balance < cost)
      throw new AnchorError(
        'insufficient-funds',
        `Account ${from} has ${balance} wei on chain ${chainId}; ${what} may cost ${cost}. Send funds to it.`,
      );
    if (dryRun) return undefined;
    const unsigned = { chainId, nonce, to, data, value, gas, ...price };
    const signed = await this.#signer.sign(unsigned, this.signal);
    return this.sendSigned(what, signed);
  }

  async sendSigned(what: string, signed: Uint8Array): Promise<string> {
    const txId = txIdOf(signed);
    await this.node.send(signed, txId, this.signal);
    this.#say(`${what}: sent as ${txId}`);
    try {
      await this.#included(txId);
    } catch (cause) {
      if (!this.signal.aborted) throw cause;
      throw new AnchorError(
        'unavailable',
        `${txId} is sent and in no block yet. Run this again when it is.`,
        { cause },
      );
    }
    return txId;
  }

  async #price() {
    const { maxFeeGwei = 100, maxPriorityFeeGwei = 5 } = this.options;
    const { baseFee } = await this.node.head(this.signal);
    const tip = await this.node.call('eth_maxPriorityFeePerGas', [], this.signal, quantity);
    const limits = { maxFee: weiOf(maxFeeGwei), tip: weiOf(maxPriorityFeeGwei) };
    return gasPrice({ baseFee, tip }, 0, [], limits);
  }

  async #included(txId: string): Promise<void> {
    const { pollMs = 1_000 } = this.options;
    for (;;) {
      this.signal.throwIfAborted();
      const placed = await this.node.placed(txId, this.signal);
      if (placed?.receipt.success === false)
        throw new AnchorError('rejected', `${txId} was included and reverted.`);
      if (placed) return;
      await new Promise((resolve) => {
        setTimeout(resolve, pollMs);
      });
    }
  }

  #say(line: string): void {
    this.options.say?.(line);
  }
}
