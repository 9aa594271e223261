import { z } from 'zod';
import {
  backendFields,
  EACH_NODE_ONCE,
  hasOneNode,
  namesEachNodeOnce,
  ONE_NODE,
} from './backend.config.js';
import { httpUrl } from './http-url.js';

export const BITCOIN_NETWORKS = ['mainnet', 'testnet', 'signet', 'regtest'] as const;
export type BitcoinNetwork = (typeof BITCOIN_NETWORKS)[number];

const FeeConfig = z
  .strictObject({
    targetBlocks: z
      .int()
      .min(1)
      .max(1_008)
      .default(6)
      .describe(
        'Blocks within which an anchor should be in one: what the node estimates for. Past them a newer checkpoint takes its place.',
      ),
    floorSatPerVb: z.number().min(0.1).max(1_000).default(1).describe('No anchor pays less.'),
    fallbackSatPerVb: z
      .number()
      .min(0.1)
      .max(1_000)
      .default(2)
      .describe('Paid while the node has no estimate.'),
    maxSatPerVb: z
      .number()
      .min(0.1)
      .max(10_000)
      .default(100)
      .describe('No anchor pays more; one that would have to waits in state "capped".'),
    step: z
      .number()
      .gt(1)
      .max(10)
      .default(1.5)
      .describe('By how much each replacement or child of a stuck anchor multiplies the rate.'),
  })
  .refine(({ floorSatPerVb, maxSatPerVb }) => floorSatPerVb <= maxSatPerVb, {
    message: '"floorSatPerVb" is above "maxSatPerVb": no anchor could be made.',
  });
export type FeeConfig = z.infer<typeof FeeConfig>;

/** How the one address that pays locks its coins. */
export const ADDRESS_TYPES = ['p2wpkh', 'p2tr'] as const;
export type AddressType = (typeof ADDRESS_TYPES)[number];

/** Where in an anchor's transaction the commitment stands. */
export const COMMITMENT_PLACES = ['op_return', 'taproot'] as const;
export type CommitmentPlace = (typeof COMMITMENT_PLACES)[number];

/** Everything but who signs. */
export const BitcoinChainConfig = z.strictObject({
  network: z
    .enum(BITCOIN_NETWORKS)
    .describe('Which chain; there is no default, so nobody pays on mainnet by accident.'),
  ...backendFields,
  address: z
    .enum(ADDRESS_TYPES)
    .default('p2wpkh')
    .describe('Type of the one address that pays: segwit v0, or taproot by its key path.'),
  commitment: z
    .enum(COMMITMENT_PLACES)
    .default('op_return')
    .describe(
      'Where the commitment stands: in an output of its own, which OpenTimestamps understands, or in the tweak of the change’s taproot key, which costs nothing and needs "address: p2tr". For the life of a key.',
    ),
  fee: FeeConfig.prefault({}).describe('The fee schedule. "policy" has the caps in satoshi.'),
  confirmations: z
    .int()
    .min(1)
    .max(144)
    .default(6)
    .describe(
      'Blocks until an anchor counts as final, and until a coin sent to the address is spent.',
    ),
});
export type BitcoinChainConfig = z.infer<typeof BitcoinChainConfig>;

export const hasKeyToTweak = ({ commitment, address }: BitcoinChainConfig): boolean =>
  commitment !== 'taproot' || address === 'p2tr';
export const KEY_TO_TWEAK = {
  message: '"commitment: taproot" needs "address: p2tr": only a taproot key can be tweaked.',
};

export const BitcoinConfig = BitcoinChainConfig.extend({
  wif: z
    .string()
    .min(50)
    .meta({ secret: true })
    .optional()
    .describe('Private key of the one address that pays; use it for nothing else.'),
  signer: z
    .strictObject({
      url: httpUrl.describe(
        'Answers POST {"psbt": base64} with the same, signed; other than 200 is a refusal.',
      ),
      publicKey: z
        .string()
        .regex(/^0[23][0-9a-f]{64}$/)
        .describe('Compressed key it signs with, in hex.'),
      token: z.string().meta({ secret: true }).optional().describe('Sent as bearer token.'),
      timeoutMs: z.int().min(100).default(30_000).describe('How long one signature may take.'),
    })
    .optional()
    .describe('A service that holds the key instead of this process.'),
})
  .refine(hasOneNode, ONE_NODE)
  .refine(hasKeyToTweak, KEY_TO_TWEAK)
  .refine(namesEachNodeOnce, EACH_NODE_ONCE)
  .refine(({ wif, signer }) => (wif === undefined) !== (signer === undefined), {
    message: 'Exactly one of "wif" and "signer" says who signs.',
  });
export type BitcoinConfig = z.infer<typeof BitcoinConfig>;
