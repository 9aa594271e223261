import { z } from 'zod';
import { httpUrl } from './http-url.js';

export const ONE_NODE = { message: 'Exactly one of "rpc" and "esplora" names the node.' };

const timeoutMs = z.int().min(100).default(10_000).describe('How long one call may take.');

export const RpcConfig = z.strictObject({
  url: httpUrl.describe('JSON-RPC of a Bitcoin Core compatible node.'),
  user: z.string().optional(),
  password: z.string().meta({ secret: true }).optional(),
  wallet: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Watch-only wallet of the node that has the address imported. Without one the node needs txindex=1, and its whole UTXO set is read for each anchor, which on mainnet takes minutes and a longer timeoutMs.',
    ),
  timeoutMs,
});

export const EsploraConfig = z.strictObject({
  url: httpUrl.describe('REST API of an Esplora server, such as https://blockstream.info/api.'),
  timeoutMs,
});

const Voice = z
  .strictObject({ rpc: RpcConfig.optional(), esplora: EsploraConfig.optional() })
  .refine(hasOneNode, ONE_NODE);

/** Which nodes are asked. */
export const backendFields = {
  rpc: RpcConfig.optional().describe('The node that is asked, by JSON-RPC.'),
  esplora: EsploraConfig.optional().describe('The server that is asked instead, by REST.'),
  headers: z
    .strictObject({
      sources: z.array(Voice).min(1).max(15).describe('Further nodes, asked for headers only.'),
      agree: z
        .int()
        .min(2)
        .max(16)
        .default(2)
        .describe('How many, the first included, must name the same block at a height.'),
    })
    .refine(({ sources, agree }) => agree <= sources.length + 1, {
      message: '"agree" is more than there are nodes.',
    })
    .optional()
    .describe('Nodes that must agree before anything counts as included.'),
};

export interface BackendConfig {
  readonly rpc?: z.infer<typeof RpcConfig> | undefined;
  readonly esplora?: z.infer<typeof EsploraConfig> | undefined;
  readonly headers?:
    | { readonly sources: readonly z.infer<typeof Voice>[]; readonly agree: number }
    | undefined;
}

export const EACH_NODE_ONCE = {
  message: 'Two of the nodes have one URL: a node that agrees with itself says nothing.',
  path: ['headers', 'sources'],
};

export function namesEachNodeOnce({ rpc, esplora, headers }: BackendConfig): boolean {
  const nodes = [{ rpc, esplora }, ...(headers?.sources ?? [])];
  const urls = nodes.map((node) => (node.rpc ?? node.esplora)?.url.replace(/\/+$/, ''));
  return new Set(urls).size === urls.length;
}

export function hasOneNode(config: Pick<BackendConfig, 'rpc' | 'esplora'>): boolean {
  return (config.rpc === undefined) !== (config.esplora === undefined);
}
