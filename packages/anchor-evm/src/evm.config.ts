import { z } from 'zod';
import { isPrivateKey } from './evm-signer.js';

/** Credentials in a URL end up in messages, and fetch refuses them: `headers` are for them. */
const httpUrl = z
  .url()
  .regex(
    /^https?:\/\/[^/?#@]+([/?#]|$)/i,
    'an http or https URL without user and password; put those into headers: Authorization',
  );

/** YAML reads `0x…` without quotes as a number. */
const hexText = z.string('0x and hex digits, in quotes');

const address = hexText.regex(/^0x[0-9a-fA-F]{40}$/).toLowerCase();

const Rpc = z.strictObject({
  url: httpUrl.describe('JSON-RPC of an execution client.'),
  headers: z.record(z.string(), z.string()).meta({ secret: true }).optional(),
  timeoutMs: z.int().min(100).default(10_000).describe('How long one call may take.'),
});

/** What a union would say is only that neither fits. */
function whatOfNodes({ input, errors = [] }: NodesIssue): string {
  const found =
    typeof input === 'object' && input !== null ? errors[Array.isArray(input) ? 1 : 0] : [];
  const said = found?.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  return said?.join('; ') || 'a node { url: http… }, or a list of them';
}

interface NodesIssue {
  readonly input?: unknown;
  readonly errors?: readonly (readonly { path: PropertyKey[]; message: string }[])[];
}

function eachOnce(nodes: readonly { readonly url: string }[]): boolean {
  return new Set(nodes.map(({ url }) => url.replace(/\/+$/, ''))).size === nodes.length;
}

export const EvmConfig = z
  .strictObject({
    chainId: z
      .int()
      .min(1)
      .describe('EIP-155 id of the chain, 1 for Ethereum; a node of another chain is not used.'),
    layer: z
      .union([z.literal(1), z.literal(2)], 'the number 1 or 2')
      .default(1)
      .describe(
        'A rollup is layer 2: its evidence stays at the level "operator" until the layer-1 batch that holds it is final.',
      ),
    dataFee: z
      .literal('op-stack')
      .optional()
      .describe(
        'A rollup that charges the data of a transaction beside its gas: counted in fees and caps as its GasPriceOracle says.',
      ),
    rpc: z
      .union([Rpc, z.array(Rpc).min(1).max(16)], { error: whatOfNodes })
      .refine((rpc) => !Array.isArray(rpc) || eachOnce(rpc), {
        message: 'two nodes have one URL: a node that agrees with itself says nothing',
      })
      .describe('The node that is asked, or several: the next answers when one does not.'),
    quorum: z
      .int()
      .min(1)
      .max(16)
      .optional()
      .describe(
        'How many of them must say the same before anything counts as included or final; left out, more than half.',
      ),
    key: hexText
      .regex(/^(0x)?[0-9a-fA-F]{64}$/, { abort: true })
      .refine(isPrivateKey, 'no number that is a key of secp256k1')
      .meta({ secret: true })
      .optional()
      .describe('Private key of the account that pays, in hex; use it for nothing else.'),
    keystore: z
      .strictObject({
        json: z.string().min(2).meta({ secret: true }).describe('Web3 secret storage, version 3.'),
        password: z.string().meta({ secret: true }),
      })
      .optional(),
    signer: z
      .strictObject({
        url: httpUrl.describe('Web3Signer, Clef or whatever else answers eth_signTransaction.'),
        address,
        headers: z.record(z.string(), z.string()).meta({ secret: true }).optional(),
        timeoutMs: z.int().min(100).default(10_000),
      })
      .optional(),
    mode: z
      .enum(['registry', 'calldata'])
      .default('registry')
      .describe('Where commitments go: a contract that remembers them, or calldata to oneself.'),
    registry: address
      .optional()
      .describe('Address of the checkpoint registry; left out, the one deployRegistry gives.'),
    registryFromBlock: z
      .int()
      .min(0)
      .default(0)
      .describe('Where the search for lost anchors ends: a block before the first anchor.'),
    evidence: z
      .enum(['receipt', 'state'])
      .default('receipt')
      .describe('Of a registry: the receipt with its event, or the proof of its storage.'),
    finality: z
      .union(
        [z.enum(['finalized', 'safe']), z.strictObject({ depth: z.int().min(1).max(100_000) })],
        'finalized, safe or { depth: blocks }',
      )
      .default('finalized')
      .describe('When an anchor is final: a tag of the chain, or blocks for chains without tags.'),
    maxFeeGwei: z
      .number()
      .positive()
      .max(100_000)
      .default(100)
      .describe(
        'Most that a unit of gas may cost, base fee and tip together. While the base fee alone is above it, an anchor is "capped".',
      ),
    maxPriorityFeeGwei: z
      .number()
      .positive()
      .max(10_000)
      .default(5)
      .describe('Most of it that goes to the block producer.'),
    priorityFeeGwei: z
      .number()
      .positive()
      .optional()
      .describe('Tip of the first attempt; left out, what the node suggests.'),
  })
  .refine(({ key, keystore, signer }) => [key, keystore, signer].filter(Boolean).length === 1, {
    message: 'name exactly one of key, keystore and signer',
  })
  .refine(({ rpc, quorum = 1 }) => quorum <= (Array.isArray(rpc) ? rpc.length : 1), {
    message: 'quorum is more than there are nodes in rpc',
    path: ['quorum'],
  })
  .refine(({ layer, dataFee }) => layer === 2 || dataFee === undefined, {
    message: 'only layer 2 charges data beside the gas',
    path: ['dataFee'],
  })
  .refine(({ layer, finality }) => layer === 1 || typeof finality === 'string', {
    message: 'depth says nothing on layer 2; use finalized or safe',
    path: ['finality'],
  });
export type EvmConfig = z.infer<typeof EvmConfig>;
