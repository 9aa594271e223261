import { isAnchorError } from '@wattproof/core/spi';
import type { EvmNode } from '../evm-node.js';
import type { ContractReader } from './wallet-port.js';

/** Contracts as a node sees them. One that reverts has answered nothing; a node that cannot be asked is an error. */
export const contractsOn = (node: EvmNode): ContractReader => ({
  async call(to, data) {
    const { signal } = new AbortController();
    try {
      return String(await node.call('eth_call', [{ to, data }, 'latest'], signal));
    } catch (error) {
      if (isAnchorError(error) && error.reason === 'rejected') return '0x';
      throw error;
    }
  },
});
