import { z } from 'zod';
import { EvmConfig } from '../evm.config.js';

const contract = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text.toLowerCase());
const { key, keystore, signer } = EvmConfig.shape;

const bareKey = (text: string | undefined): string | undefined =>
  text?.replace(/^0x/, '').toLowerCase();

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
      key: key.describe('Private key of the operator, an account of its own.'),
      keystore,
      signer,
    })
    .refine((ports) => [ports.key, ports.keystore, ports.signer].filter(Boolean).length === 1, {
      message: 'name exactly one of key, keystore and signer',
    })
    .describe('Contracts of the ports, and the account that operates them.'),
}).refine(
  (config) =>
    (config.key === undefined || bareKey(config.key) !== bareKey(config.ports.key)) &&
    (config.signer === undefined || config.signer.address !== config.ports.signer?.address),
  {
    message: 'the operator must not be the account that anchors: its nonces are planned',
    path: ['ports'],
  },
);
export type EvmPortsConfig = z.infer<typeof EvmPortsConfig>;
