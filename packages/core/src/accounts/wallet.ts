/** Ledgers whose wallets users are known by. */
export const CHAINS = ['bitcoin', 'bsv', 'evm', 'solana', 'stellar'] as const;
export type Chain = (typeof CHAINS)[number];

/** An address on a ledger, in the one spelling that stands for it. */
export interface Wallet {
  readonly chain: Chain;
  readonly address: string;
}

/** What an address of each ledger looks like; whether it exists is the ledger's to say. */
const FORM: Readonly<Record<Chain, RegExp>> = {
  // Base58 (P2PKH, P2SH) or bech32 (BIP-173, BIP-350).
  bitcoin: /^(?:[1-9A-HJ-NP-Za-km-z]{25,40}|(?:bc|tb|bcrt)1[02-9ac-hj-np-z]{8,87})$/,
  bsv: /^[1-9A-HJ-NP-Za-km-z]{25,40}$/,
  evm: /^0x[0-9a-f]{40}$/,
  // 32 bytes in base58.
  solana: /^[1-9A-HJ-NP-Za-km-z]{32,44}$/,
  // Strkey of an account: `G` and 55 characters of base32.
  stellar: /^G[A-Z2-7]{55}$/,
};

/** Longest address that is looked at. */
export const MAX_ADDRESS_LENGTH = 128;

/**
 * The wallet of this address, or undefined when it is none. Where a ledger takes capitals and small letters for the same
 * (EVM's checksums, bech32), small letters stand for both: one wallet never belongs to two users by its spelling.
 */
export function walletOf(chain: Chain, address: string): Wallet | undefined {
  if (address.length > MAX_ADDRESS_LENGTH) return undefined;
  const folded =
    chain === 'evm' || (chain === 'bitcoin' && /^(?:BC|TB|BCRT)1[0-9A-Z]+$/.test(address))
      ? address.toLowerCase()
      : address;
  return FORM[chain].test(folded) ? { chain, address: folded } : undefined;
}
