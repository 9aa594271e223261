import type { WalletPort } from '@wattproof/core/spi';
import { verifyBip322 } from './bip-322.js';
import type { BitcoinNetwork } from './bitcoin.config.js';

/** First 16 bytes of each genesis block's hash (CAIP-4), and the human-readable part of its addresses (BIP-173). */
const CHAINS: Readonly<
  Record<BitcoinNetwork, { readonly genesis: string; readonly prefix: string }>
> = {
  mainnet: { genesis: '000000000019d6689c085ae165831e93', prefix: 'bc' },
  testnet: { genesis: '000000000933ea01ad0ee984209779ba', prefix: 'tb' },
  signet: { genesis: '00000008819873e925422c1ff0f99f7c', prefix: 'tb' },
  regtest: { genesis: '0f9188f13cb7b2c71f2a335e3a4fc328', prefix: 'bcrt' },
};

/** Logins signed as BIP-322 says, by P2WPKH and P2TR addresses. */
export function bitcoinLogin(network: BitcoinNetwork): WalletPort {
  const { genesis, prefix } = CHAINS[network];
  return {
    chain: `bip122:${genesis}`,
    verifyLogin: async (request) => verifyBip322(prefix, request),
  };
}
