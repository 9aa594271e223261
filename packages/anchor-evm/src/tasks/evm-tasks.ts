import { AnchorError, type AnchorTask, type AnchorTaskRequest } from '@wattproof/core/spi';
import { deployRegistry } from '../deploy-registry.js';
import type { EvmConfig } from '../evm.config.js';
import { type EvmSigner, KeySigner } from '../evm-signer.js';
import type { SendOptions } from '../one-off-sender.js';
import { deployPorts } from '../ports/deploy-ports.js';

const PAYER = 'private key of the account that pays; left out, the one that anchors';

/** What an operator does once on a chain: the contracts. Caps are those of the configuration. */
export function evmTasks(
  config: EvmConfig,
  signer: EvmSigner,
): Readonly<Record<string, AnchorTask>> {
  return {
    'deploy-registry': {
      about: 'puts the checkpoint registry at its address, once for everybody on the chain',
      values: { key: PAYER },
      async run(request) {
        const { address } = await deployRegistry(sendOptions(config, request, signer));
        if (config.mode === 'registry' && (config.registry ?? address) !== address)
          request.out(`The configuration names another registry, ${config.registry}.`);
      },
    },
    'deploy-ports': {
      about: 'puts the contracts of tokens, certificates and settlement at their addresses',
      values: {
        owner: 'address that appoints operators; no operator itself',
        name: 'of the energy token; left out, Wattproof Energy',
        symbol: 'of the energy token; left out, WPE',
        key: PAYER,
      },
      async run(request) {
        const { owner, name = 'Wattproof Energy', symbol = 'WPE' } = request.values;
        const options = sendOptions(config, request, signer);
        const token = { name, symbol };
        const ports = await deployPorts({ ...options, owner: addressOf('owner', owner), token });
        for (const [port, address] of Object.entries(ports))
          request.out(`ports.${port}: "${address}"`);
      },
    },
  };
}

/** How a task sends: within the caps of the configuration, from the account it is told. */
export function sendOptions(
  { chainId, rpc, quorum, maxFeeGwei, maxPriorityFeeGwei }: EvmConfig,
  { values, dryRun, out: say, signal }: AnchorTaskRequest,
  payer?: EvmSigner,
): SendOptions {
  const signer = values['key'] === undefined ? payer : keyOf(values['key']);
  if (signer === undefined)
    throw new AnchorError('invalid', 'Give "key", the private key of the owner of the contracts.');
  return { chainId, rpc, quorum, signer, maxFeeGwei, maxPriorityFeeGwei, dryRun, say, signal };
}

export function addressOf(name: string, value: string | undefined): string {
  if (/^0x[0-9a-fA-F]{40}$/.test(value ?? '')) return (value as string).toLowerCase();
  throw new AnchorError('invalid', `"${name}" must be an address, 0x and 40 hex digits.`);
}

function keyOf(text: string): EvmSigner {
  try {
    return new KeySigner(text.trim());
  } catch {
    // The cause would show the key.
    throw new AnchorError('invalid', '"key" is no private key: 64 hex digits.');
  }
}
