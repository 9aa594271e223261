import { AbiCoder } from 'ethers';
import { EnergyCertificates } from '../artifacts/ports/energy-certificates.js';
import { EnergyToken } from '../artifacts/ports/energy-token.js';
import { Settlement } from '../artifacts/ports/settlement.js';
import { deployDeterministically, type DeployOptions } from '../deploy-registry.js';

export interface DeployPortsOptions extends DeployOptions {
  /** Address that owns the contracts: it appoints operators with `setOperator` and should not be one. */
  readonly owner: string;
  /** Left out: `Wattproof Energy`, `WPE`. */
  readonly token?: { readonly name: string; readonly symbol: string };
}

export interface PortAddresses {
  readonly tokens: string;
  readonly certificates: string;
  readonly settlement: string;
}

/**
 * Puts the contracts of the ports at the addresses that follow from owner and name, the same on every chain; whoever pays for
 * it gets no right by it. Done already is success. The owner then calls `setOperator(operator, true)` on each.
 */
export async function deployPorts(options: DeployPortsOptions): Promise<PortAddresses> {
  const { owner, token = { name: 'Wattproof Energy', symbol: 'WPE' } } = options;
  const coder = AbiCoder.defaultAbiCoder();
  const deploy = async (
    what: string,
    bytecode: string,
    types: readonly string[],
    values: readonly unknown[],
  ) => {
    const code = `${bytecode}${coder.encode(types, values).slice(2)}`;
    return (await deployDeterministically(what, code, options)).address;
  };
  const tokens = await deploy(
    'tokens',
    EnergyToken.bytecode,
    ['address', 'string', 'string'],
    [owner, token.name, token.symbol],
  );
  const certificates = await deploy(
    'certificates',
    EnergyCertificates.bytecode,
    ['address'],
    [owner],
  );
  const settlement = await deploy(
    'settlement',
    Settlement.bytecode,
    ['address', 'address'],
    [owner, tokens],
  );
  return { tokens, certificates, settlement };
}
