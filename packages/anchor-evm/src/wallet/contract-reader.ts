import { isAnchorError } from '@wattproof/core/spi';
import type { EvmNode } from '../evm-node.js';
import { toQuantity } from '../rpc-values.js';
import type { ContractReader } from './wallet-port.js';

/** Enough for a passkey's curve in Solidity; a stranger's contract is not given the node's whole time. */
const MAX_GAS = 10_000_000;

/**
 * Contracts as a node sees them, or as enough of several do: whoever answers for the contract decides who logs in. One that
 * reverts has answered nothing; a node that cannot be asked is an error.
 */
export const contractsOn = (node: EvmNode): ContractReader => ({
  call: (to, data) => node.agreed(`what ${to} answers`, (one) => answerOf(one, to, data), String),
});

async function answerOf(node: EvmNode, to: string, data: string): Promise<string> {
  const { signal } = new AbortController();
  try {
    return String(
      await node.call('eth_call', [{ to, data, gas: toQuantity(MAX_GAS) }, 'latest'], signal),
    );
  } catch (error) {
    if (isAnchorError(error) && error.reason === 'rejected') return '0x';
    throw error;
  }
}
