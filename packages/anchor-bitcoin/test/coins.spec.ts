import { Transaction } from 'bitcoinjs-lib';
import type { BitcoinBackend } from '../src/bitcoin-backend.js';
import { BitcoinChainConfig } from '../src/bitcoin.config.js';
import { ChangeChain } from '../src/change-chain.js';
import { CoinChoice } from '../src/coin-choice.js';
import { regtestWallet } from './regtest/regtest-key.js';

const { signal } = new AbortController();
const wallet = regtestWallet(1);

/** A node whose address holds so many coins of strangers, each in a transaction of its own. */
function sprinkled(count: number, valueSat: bigint) {
  const purse = new Transaction();
  purse.addInput(new Uint8Array(32).fill(7), 0);
  purse.addOutput(regtestWallet(2).script, 1_000_000n);
  const made = new Map<string, Uint8Array>();
  for (let at = 0; at < count; at += 1) {
    const transaction = new Transaction();
    transaction.addInput(purse.getHash(), at);
    transaction.addOutput(wallet.script, valueSat);
    made.set(transaction.getId(), transaction.toBuffer());
  }
  const asked = { transaction: 0, spending: 0 };
  const node = {
    unspent: async () => ({
      height: 100,
      unspents: [...made.keys()].map((txid) => ({
        txid,
        vout: 0,
        amount: Number(valueSat) / 1e8,
        height: 1,
      })),
    }),
    transaction: async (txId: string) => {
      asked.transaction += 1;
      const bytes = txId === purse.getId() ? purse.toBuffer() : made.get(txId);
      return bytes && { bytes };
    },
    spending: async () => {
      asked.spending += 1;
      return undefined;
    },
  } as unknown as BitcoinBackend;
  return { node, asked };
}

describe('coins that strangers send to the wallet', () => {
  it('are read once each, so a slow server is through with them at the next try', async () => {
    const { node, asked } = sprinkled(600, 294n);
    const chain = new ChangeChain(node, wallet);
    const coins = await chain.coins(signal);
    expect(await chain.end(coins, signal)).toBeUndefined();
    expect(asked.transaction).toBe(601);
    asked.transaction = 0;
    expect(await chain.end(coins, signal)).toBeUndefined();
    expect(asked.transaction).toBe(0);
  });

  it('and do not pay for their own input are left alone: the wallet is poor, whatever they are together', async () => {
    const { node, asked } = sprinkled(600, 600n);
    const config = BitcoinChainConfig.parse({
      network: 'regtest',
      rpc: { url: 'http://127.0.0.1:1' },
    });
    const choice = new CoinChoice(config, node, wallet);
    const coins = await new ChangeChain(node, wallet).coins(signal);
    const feeOf = (count: number) => ({ amount: BigInt(wallet.vbytes(count) * 10), unit: 'sat' });
    await expect(choice.cover([], coins, feeOf, signal)).rejects.toMatchObject({
      reason: 'insufficient-funds',
    });
    expect(asked.spending).toBeLessThan(3);
  });
});
