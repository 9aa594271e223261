import { AnchorError } from '@wattproof/core/spi';
import { Interface } from 'ethers';
import type { EvmNode } from './evm-node.js';
import { transactionOf, type UnsignedTransaction } from './evm-signer.js';
import { bytes } from './rpc-values.js';
import { hex } from './verify/hex.js';

/** Predeploy of the OP stack that prices what a transaction takes of layer 1 (specs.optimism.io, predeploys). */
const GAS_PRICE_ORACLE = '0x420000000000000000000000000000000000000f';
const ORACLE = new Interface(['function getL1Fee(bytes) view returns (uint256)']);
/**
 * No field of a transaction limits this fee: it is what layer 1 costs in the block that holds it. Twice the present fee is set
 * aside; layer 1 needs six blocks (72 s) to double its base fee (EIP-1559), a sequencer two seconds to include.
 */
const SPARE_FACTOR = 2n;

/** What an OP-stack rollup charges for a transaction beside its gas, in wei. */
export class DataFee {
  constructor(private readonly node: EvmNode) {}

  /** What is set aside for it. */
  async reserve(unsigned: UnsignedTransaction, signal: AbortSignal): Promise<bigint> {
    return SPARE_FACTOR * (await this.#now(unsigned, signal));
  }

  /** Throws `underpriced` when it has outgrown what was set aside: nothing is sent that could cost more than its fee says. */
  async covers(
    draft: UnsignedTransaction & { readonly dataFee: bigint },
    signal: AbortSignal,
  ): Promise<void> {
    const now = await this.#now(draft, signal);
    if (now > draft.dataFee)
      throw new AnchorError(
        'underpriced',
        `Layer 1 now asks ${now} wei for the data of this anchor and ${draft.dataFee} wei are set aside.`,
      );
  }

  async #now(unsigned: UnsignedTransaction, signal: AbortSignal): Promise<bigint> {
    // The oracle adds what the signature takes.
    const data = ORACLE.encodeFunctionData('getL1Fee', [
      transactionOf(unsigned).unsignedSerialized,
    ]);
    const call = { to: GAS_PRICE_ORACLE, data };
    const answer = await this.node.call('eth_call', [call, 'latest'], signal, bytes);
    if (answer.length === 32) return BigInt(`0x${hex(answer)}`);
    throw new AnchorError(
      'unavailable',
      `Chain ${this.node.chainId} has no GasPriceOracle of the OP stack at ${GAS_PRICE_ORACLE}. Correct dataFee.`,
    );
  }
}
