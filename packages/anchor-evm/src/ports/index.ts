import { defineAnchor } from '@wattproof/core/spi';
import plugin from '../index.js';
import { EvmAnchor } from '../evm.anchor.js';
import { EvmNode } from '../evm-node.js';
import { signerOf } from '../evm-signer.js';
import { evmPorts } from './evm-ports.js';
import { Operator } from './operator.js';
import { EvmPortsConfig } from './ports.config.js';
import { setOperatorTask } from './set-operator.task.js';

export { deployPorts, type DeployPortsOptions, type PortAddresses } from './deploy-ports.js';
export { setOperator, type SetOperatorOptions } from './set-operator.js';
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
    const node = new EvmNode(config.rpc, config.chainId, config.quorum);
    const operating = signerOf(config.ports);
    const operator = new Operator(node, operating, config);
    const ports = evmPorts(node, operator, config.ports);
    const tasks = { 'set-operator': setOperatorTask(config, operating) };
    return new EvmAnchor(config, context, signerOf(config), ports, tasks);
  },
});
