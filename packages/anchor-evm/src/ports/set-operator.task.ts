import { AnchorError, type AnchorTask } from '@wattproof/core/spi';
import type { EvmSigner } from '../evm-signer.js';
import { addressOf, sendOptions } from '../tasks/evm-tasks.js';
import type { EvmPortsConfig } from './ports.config.js';
import { setOperator } from './set-operator.js';

const ALLOWED: Readonly<Record<string, boolean>> = { yes: true, no: false };

/** The owner of the ports' contracts appoints who operates them. */
export const setOperatorTask = (config: EvmPortsConfig, operating: EvmSigner): AnchorTask => ({
  about: 'has the owner of the contracts of the ports appoint their operator, or dismiss one',
  values: {
    key: 'private key of the owner',
    operator: 'address; left out, the operator of the configuration',
    allowed: 'yes (left out) or no',
  },
  async run(request) {
    const { tokens, certificates, settlement } = config.ports;
    const { operator = await operating.address(request.signal), allowed = 'yes' } = request.values;
    const right = Object.hasOwn(ALLOWED, allowed) ? ALLOWED[allowed] : undefined;
    if (right === undefined) throw new AnchorError('invalid', '"allowed" must be yes or no.');
    await setOperator({
      ...sendOptions(config, request),
      contracts: { tokens, certificates, settlement },
      operator: addressOf('operator', operator),
      allowed: right,
    });
  },
});
