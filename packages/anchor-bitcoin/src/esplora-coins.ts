import { z } from 'zod';
import type { Inclusion } from '@wattproof/core/spi';
import type { UnspentOutput } from './bitcoin-node.js';

export const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Index = z.int().min(0);
const Sat = z.int().min(0);

/** A transaction that waits, as far as it says what it spends. */
const Waiting = z.object({
  txid: Hash,
  vin: z.array(
    z.object({
      txid: Hash,
      vout: Index,
      prevout: z.object({ scriptpubkey_address: z.string().optional(), value: Sat }).nullish(),
    }),
  ),
});
const WaitingList = z.array(Waiting);
const SAT_PER_BTC = 100_000_000;

/** What the coins that waiting transactions spend are asked of. */
export interface EsploraReader {
  /** Undefined when there is no such thing. */
  json<T>(schema: z.ZodType<T>, path: string): Promise<T | undefined>;
  inclusion(txId: string): Promise<Inclusion | undefined>;
}

/**
 * Coins in blocks at an address that transactions in no block spend: Esplora's list of unspent outputs leaves them out. The
 * server shows a part of what waits, the newest; what `changes` of the address show beside it is asked for by itself.
 */
export class HeldCoins {
  readonly #waiting = new Map<string, z.output<typeof Waiting>>();

  constructor(
    private readonly reader: EsploraReader,
    private readonly address: string,
  ) {}

  /** First, before the unspent outputs are: what a block takes in between is then among those. */
  async listWaiting(): Promise<void> {
    const path = `/address/${this.address}/txs/mempool`;
    for (const one of (await this.reader.json(WaitingList, path)) ?? [])
      this.#waiting.set(one.txid, one);
  }

  async spentBy(changes: readonly string[]): Promise<readonly UnspentOutput[]> {
    const held = new Map<string, UnspentOutput>();
    const seen = new Set<string>();
    const asked = [...this.#waiting.keys(), ...changes];
    for (let txId = asked.pop(); txId !== undefined; txId = asked.pop()) {
      if (seen.has(txId)) continue;
      seen.add(txId);
      for (const { txid, vout, prevout } of (await this.#of(txId))?.vin ?? []) {
        if (prevout?.scriptpubkey_address !== this.address) continue;
        const made = await this.reader.inclusion(txid);
        if (!made) asked.push(txid);
        else
          held.set(`${txid}:${vout}`, {
            txid,
            vout,
            amount: prevout.value / SAT_PER_BTC,
            height: made.height,
          });
      }
    }
    return [...held.values()];
  }

  async #of(txId: string): Promise<z.output<typeof Waiting> | undefined> {
    return this.#waiting.get(txId) ?? this.reader.json(Waiting, `/tx/${txId}`);
  }
}
