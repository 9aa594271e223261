import { computeAddress, SigningKey } from 'ethers';
import { z } from 'zod';
import { EvmConfig } from '../evm.config.js';

const contract = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text.toLowerCase());
const { key, keystore, signer } = EvmConfig.shape;

/** Of whoever signs, as far as the configuration says; lower case. */
function accountOf(by: Pick<EvmConfig, 'key' | 'keystore' | 'signer'>): string | undefined {
  if (by.signer !== undefined) return by.signer.address;
  if (by.key !== undefined) return computeAddress(new SigningKey(prefixed(by.key))).toLowerCase();
  const [, address] =
    /"address"\s*:\s*"(?:0x)?([0-9a-f]{40})"/i.exec(by.keystore?.json ?? '') ?? [];
  return address === undefined ? undefined : `0x${address.toLowerCase()}`;
}

const prefixed = (key: string): string => (key.startsWith('0x') ? key : `0x${key}`);

/** An EVM anchor's configuration, and the contracts of its ports. */
export const EvmPortsConfig = EvmConfig.safeExtend({
  ports: z
    .strictObject({
      tokens: contract.describe('Address of EnergyToken.'),
      certificates: contract.describe('Address of EnergyCertificates.'),
      settlement: contract.describe('Address of Settlement.'),
      payments: z
        .record(z.string().regex(/^[A-Za-z0-9._-]{1,32}$/), contract)
        .default({})
        .describe('The ERC-20 token of each unit of payment.'),
      fromBlock: z
        .int()
        .min(0)
        .default(0)
        .describe('Where the search for an operation ends: a block before the contracts.'),
      maxGas: z
        .int()
        .min(21_000)
        .default(1_000_000)
        .describe(
          'Most gas of one operation: a contract that receives something runs at our cost.',
        ),
      key: key.describe('Private key of the operator, an account of its own.'),
      keystore,
      signer,
    })
    .refine((ports) => [ports.key, ports.keystore, ports.signer].filter(Boolean).length === 1, {
      message: 'name exactly one of key, keystore and signer',
    })
    .describe('Contracts of the ports, and the account that operates them.'),
}).refine(
  (config) => {
    const account = accountOf(config);
    return account === undefined || account !== accountOf(config.ports);
  },
  {
    message: 'the operator must not be the account that anchors: its nonces are planned',
    path: ['ports'],
  },
);
export type EvmPortsConfig = z.infer<typeof EvmPortsConfig>;
