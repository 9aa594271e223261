import { defineAnchor } from '@wattproof/core/spi';
import plugin from '../index.js';
import { EvmAnchor } from '../evm.anchor.js';
import { EvmNode } from '../evm-node.js';
import { signerOf } from '../evm-signer.js';
import { evmPorts } from './evm-ports.js';
import { Operator } from './operator.js';
import { EvmPortsConfig } from './ports.config.js';

export { deployPorts, type DeployPortsOptions, type PortAddresses } from './deploy-ports.js';
export { EvmPortsConfig } from './ports.config.js';

/** `@wattproof/anchor-evm/ports`: the EVM anchor, and energy tokens, certificates and settlement on the same chain. */
export default defineAnchor({
  name: 'evm-ports',
  config: EvmPortsConfig,
  capabilities: {
    ...plugin.capabilities,
    ports: ['tokens', 'certificates', 'settlement', 'wallet'],
  },
  create(config, context) {
    const node = new EvmNode(config.rpc, config.chainId);
    const operator = new Operator(node, signerOf(config.ports), config);
    const ports = evmPorts(node, operator, config.ports);
    return new EvmAnchor(config, context, signerOf(config), ports);
  },
});
