import { type BlockHeader, targetOfBits } from './block-header.js';

export type BitcoinNetwork = 'mainnet' | 'testnet' | 'signet' | 'regtest';

interface KnownChain {
  readonly network: BitcoinNetwork;
  /** Bitcoin Core's name of it. */
  readonly chain: string;
  readonly genesis: string;
  /** Largest target of a header (consensus `powLimit`), in compact form. */
  readonly easiestBits: string;
}

const KNOWN_CHAINS: readonly KnownChain[] = [
  {
    network: 'mainnet',
    chain: 'main',
    genesis: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    easiestBits: '1d00ffff',
  },
  {
    network: 'testnet',
    chain: 'test',
    genesis: '000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943',
    easiestBits: '1d00ffff',
  },
  {
    network: 'testnet',
    chain: 'testnet4',
    genesis: '00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043',
    easiestBits: '1d00ffff',
  },
  {
    network: 'signet',
    chain: 'signet',
    genesis: '00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6',
    easiestBits: '1e0377ae',
  },
  {
    network: 'regtest',
    chain: 'regtest',
    genesis: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
    easiestBits: '207fffff',
  },
];

/** Core's name of the chain that begins with this block; the hash itself for one that nobody knows. */
export function chainOfGenesis(genesis: string | undefined): string {
  return KNOWN_CHAINS.find((known) => known.genesis === genesis)?.chain ?? genesis ?? 'none';
}

export function isOnNetwork(chain: string, network: BitcoinNetwork): boolean {
  return KNOWN_CHAINS.some((known) => known.chain === chain && known.network === network);
}

/** The network that evidence names as `bitcoin:<network>`. */
export function networkOfLedger(ledger: string): BitcoinNetwork | undefined {
  return KNOWN_CHAINS.find(({ network }) => ledger === `bitcoin:${network}`)?.network;
}

/** Whether the header meets its own target, and that is no easier than the network allows. */
export function hasWork({ bits, workDone }: BlockHeader, network: BitcoinNetwork): boolean {
  const known = KNOWN_CHAINS.find((chain) => chain.network === network)!;
  const [target, easiest] = [bits, known.easiestBits].map((compact) =>
    targetOfBits(Number.parseInt(compact, 16)),
  );
  return workDone && target !== undefined && easiest !== undefined && target <= easiest;
}
