import { z } from 'zod';

export const BITCOIN_NETWORKS = ['mainnet', 'testnet', 'signet', 'regtest'] as const;
export type BitcoinNetwork = (typeof BITCOIN_NETWORKS)[number];

export const BitcoinConfig = z.strictObject({
  network: z
    .enum(BITCOIN_NETWORKS)
    .describe('Which chain; there is no default, so nobody pays on mainnet by accident.'),
  rpc: z
    .strictObject({
      url: z.url().describe('JSON-RPC of a Bitcoin Core compatible node that runs with txindex=1.'),
      user: z.string().optional(),
      password: z.string().meta({ secret: true }).optional(),
      timeoutMs: z.int().min(100).default(10_000).describe('How long one call may take.'),
    })
    .describe('The node that is asked.'),
  wif: z
    .string()
    .min(50)
    .meta({ secret: true })
    .describe('Private key of the one address that pays; use it for nothing else.'),
  feeRateSatPerVb: z
    .number()
    .min(1)
    .max(1_000)
    .default(2)
    .describe('Fee rate of an anchor. It is not raised later.'),
  maxFeeSat: z
    .int()
    .min(150)
    .default(20_000)
    .describe('An anchor that would cost more is not made.'),
  confirmations: z
    .int()
    .min(1)
    .max(144)
    .default(6)
    .describe('Blocks until an anchor counts as final.'),
});
export type BitcoinConfig = z.infer<typeof BitcoinConfig>;
