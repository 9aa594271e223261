import { AnchorError } from '@wattproof/core/spi';
import type { Unspent } from './bitcoin-backend.js';
import type { UnspentOutput } from './bitcoin-node.js';
import { readStep } from './change-chain.js';
import { bytesOf } from './verify/block-header.js';

type Call = <T>(method: string, parameters: readonly unknown[], signal: AbortSignal) => Promise<T>;

interface Listed {
  readonly txid: string;
  readonly category: string;
  readonly confirmations: number;
}

interface OpenOutput {
  readonly value: number;
  readonly confirmations: number;
  readonly coinbase: boolean;
  readonly scriptPubKey: { readonly address?: string };
}

/**
 * What blocks leave to an address, by a wallet of the node that watches it: no node has to be read through for it. Core's
 * `listunspent` leaves out the coins of which the wallet has a spender, also one that only waits or was dropped; those are
 * found through their spenders.
 */
export async function watchedCoins(
  call: Call,
  { wallet, address }: { readonly wallet: string; readonly address: string },
  signal: AbortSignal,
): Promise<Unspent> {
  const height = await call<number>('getblockcount', [], signal);
  const tip = await call<string>('getblockhash', [height], signal);
  const held = await heldCoins(call, address, { height, tip }, signal);
  const listed = await call<(UnspentOutput & { readonly confirmations: number })[]>(
    'listunspent',
    [1, 9_999_999, [address]],
    signal,
  );
  // What a new block takes or gives back in between may be in neither list.
  const after = await call<number>('getblockcount', [], signal);
  if (after !== height || (await call<string>('getblockhash', [height], signal)) !== tip)
    throw new AnchorError(
      'unavailable',
      'A block came while the wallet’s coins were listed; they are listed again.',
    );
  if (listed.length === 0 && held.length === 0) await mustWatch(call, wallet, address, signal);
  const coins = listed.map((coin) => ({ ...coin, height: height - coin.confirmations + 1 }));
  const isListed = ({ txid, vout }: UnspentOutput): boolean =>
    listed.some((coin) => coin.txid === txid && coin.vout === vout);
  return { height, unspents: [...coins, ...held.filter((coin) => !isListed(coin))] };
}

/** Coins in blocks at the address that the wallet's transactions in no block spend. */
async function heldCoins(
  call: Call,
  address: string,
  { height, tip }: { readonly height: number; readonly tip: string },
  signal: AbortSignal,
): Promise<readonly UnspentOutput[]> {
  // With change, or one that pays to the address alone might not be among them.
  const options = [tip, 1, true, false, true];
  const { transactions } = await call<{ transactions: Listed[] }>(
    'listsinceblock',
    options,
    signal,
  );
  const waiting = transactions.filter(
    // What a stranger pays to the address is only received.
    ({ category, confirmations }) => category === 'send' && confirmations === 0,
  );
  const held = new Map<string, UnspentOutput>();
  for (const txId of new Set(waiting.map(({ txid }) => txid))) {
    const { hex } = await call<{ hex: string }>('gettransaction', [txId, true], signal);
    for (const { txId: txid, index: vout } of readStep(txId, bytesOf(hex) as Uint8Array).inputs) {
      const output = await call<OpenOutput | null>('gettxout', [txid, vout, false], signal);
      if (output?.scriptPubKey.address !== address) continue;
      const { value: amount, confirmations, coinbase } = output;
      const since = height - confirmations + 1;
      held.set(`${txid}:${vout}`, { txid, vout, amount, coinbase, height: since });
    }
  }
  return [...held.values()];
}

/** An empty wallet and one that was never told of the address look the same. */
async function mustWatch(
  call: Call,
  wallet: string,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  const known = await call<{ ismine?: boolean; iswatchonly?: boolean }>(
    'getaddressinfo',
    [address],
    signal,
  );
  if (known.ismine !== true && known.iswatchonly !== true)
    throw new AnchorError(
      'unavailable',
      `Wallet "${wallet}" of the Bitcoin node does not watch ${address}. Import it: bitcoin-cli importdescriptors.`,
    );
}
