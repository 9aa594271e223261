import { AnchorError } from '@wattproof/core/spi';
import { Interface } from 'ethers';
import { OneOffSender, type SendOptions } from '../one-off-sender.js';
import { PortContract } from './port-contract.js';

/** What the contracts of the ports have in common (contracts/ports/Operations.sol). */
const OPERATIONS = [
  'function owner() view returns (address)',
  'function isOperator(address) view returns (bool)',
  'function setOperator(address,bool)',
];

export interface SetOperatorOptions extends SendOptions {
  readonly contracts: Readonly<Record<'tokens' | 'certificates' | 'settlement', string>>;
  readonly operator: string;
  readonly allowed: boolean;
}

/** Gives an account the right to operate the ports' contracts, or takes it. The signer is their owner. Done already is success. */
export async function setOperator(options: SetOperatorOptions): Promise<void> {
  const { contracts, operator, allowed, say } = options;
  const sender = new OneOffSender(options);
  const { node, signal } = sender;
  const from = await sender.address();
  const data = new Interface(OPERATIONS).encodeFunctionData('setOperator', [operator, allowed]);
  for (const [name, to] of Object.entries(contracts)) {
    const contract = new PortContract(node, to, OPERATIONS);
    const what = `${name} ${to}: ${operator} ${allowed ? 'as operator' : 'no longer operator'}`;
    const [is] = await contract.ask('isOperator', [operator], signal);
    if (is === allowed) {
      say?.(`${what}: is so already`);
      continue;
    }
    const [owner] = await contract.ask('owner', [], signal);
    if (String(owner).toLowerCase() !== from)
      throw new AnchorError(
        'rejected',
        `${name} at ${to} belongs to ${String(owner)}, not to ${from}. Give the key of its owner.`,
      );
    await sender.send({ what, to, data });
  }
}
