import type { BackendConfig } from './backend.config.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import { BitcoinNode } from './bitcoin-node.js';
import type { Transactions } from './transaction-lookup.js';
import type { BitcoinNetwork } from './bitcoin.config.js';
import { CheckedBackend } from './checked-backend.js';
import { EsploraNode } from './esplora-node.js';
import { HeaderQuorum } from './header-quorum.js';

/** The node of a configuration, checked, with those that must agree with it. */
export function openBackend(
  config: BackendConfig & { readonly network: BitcoinNetwork; readonly commitment?: string },
  transactions: Transactions = config.commitment === 'taproot' ? 'any' : 'watched',
): CheckedBackend {
  const { headers, network } = config;
  const quorum =
    headers &&
    new HeaderQuorum(
      headers.sources.map((source) => ({
        // Without the path, where providers have the access key.
        name: new URL((source.rpc ?? source.esplora)?.url ?? '').host,
        node: new CheckedBackend(nodeOf(source, 'none'), network),
      })),
      headers.agree,
    );
  return new CheckedBackend(nodeOf(config, transactions), network, quorum);
}

function nodeOf(
  { rpc, esplora }: Pick<BackendConfig, 'rpc' | 'esplora'>,
  transactions: Transactions,
): BitcoinBackend {
  if (rpc) return new BitcoinNode({ ...rpc, transactions });
  if (esplora) return new EsploraNode(esplora);
  throw new TypeError('Neither "rpc" nor "esplora" names a node.');
}
