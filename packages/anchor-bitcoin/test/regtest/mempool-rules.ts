import { createRequire } from 'node:module';
import * as ecc from '@bitcoinerlab/secp256k1';
import { Transaction } from 'bitcoinjs-lib';

const { MempoolEntry, Script } = createRequire(import.meta.url)('bcoin');

/** Sequences up to this signal replaceability (BIP-125). */
const MAX_SIGNALLING_SEQUENCE = 0xff_ff_ff_fd;
/** Most transactions that one replacement may evict (BIP-125, rule 5). */
const MAX_EVICTIONS = 100;

/** With Bitcoin Core's code and words. */
export class Refused extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * What Bitcoin Core's mempool has and bcoin's lacks: a fee floor, replacement by BIP-125, estimates, taproot signatures.
 * Scripts, blocks and reorganisations are bcoin's own.
 */
export class MempoolRules {
  /** In sat/vB: below it nothing is taken and nothing stays. */
  floorSatPerVb = 1;
  incrementSatPerVb = 1;
  /** What `estimatesmartfee` answers; nothing while undefined, as a young node. */
  estimateSatPerVb: number | undefined;
  /** False: the first transaction that spends a coin keeps it. */
  replacement = true;
  /** False: an older node, without `submitpackage`. */
  packages = true;

  constructor(private readonly node: any) {}

  info(): object {
    return {
      loaded: true,
      size: this.node.mempool.map.size,
      mempoolminfee: btcPerKvB(this.floorSatPerVb),
      minrelaytxfee: btcPerKvB(1),
      incrementalrelayfee: btcPerKvB(this.incrementSatPerVb),
    };
  }

  estimate(blocks: number): object {
    return this.estimateSatPerVb === undefined
      ? { errors: ['Insufficient data or no feerate found'], blocks: 0 }
      : { feerate: btcPerKvB(this.estimateSatPerVb), blocks };
  }

  /** A new floor, and what waits below it is gone. */
  setFloor(satPerVb: number): void {
    this.floorSatPerVb = satPerVb;
    for (const entry of this.node.mempool.map.values())
      if (this.node.mempool.hasEntry(entry.tx.hash('hex')) && this.#bestRate(entry) < satPerVb)
        this.node.mempool.evictEntry(entry);
  }

  /** By itself, or together with what pays for it. */
  #bestRate(entry: any): number {
    const all = this.#withDescendants([entry]);
    const total = (of: (one: any) => number): number =>
      [...all].reduce((sum: number, one: any) => sum + of(one), 0);
    return Math.max(
      entry.fee / vbytesOf(entry.tx),
      total(({ fee }) => fee) / total(({ tx }) => vbytesOf(tx)),
    );
  }

  #withDescendants(entries: readonly any[]): Set<any> {
    const all = new Set<any>(entries);
    for (const { tx } of all)
      for (let index = 0; index < tx.outputs.length; index += 1) {
        const child = this.node.mempool.getSpent(tx.hash('hex'), index);
        if (child) all.add(child);
      }
    return all;
  }

  /** Everything that waits is gone, as after a restart without its mempool file. */
  evictAll(): Promise<void> {
    return this.node.mempool.reset();
  }

  /** Throws why the transaction is not taken, and changes nothing. */
  async judge(transaction: any): Promise<{ readonly evicted: readonly any[]; readonly view: any }> {
    const { mempool, chain } = this.node;
    const hash = transaction.hash('hex');
    if (mempool.hasEntry(hash)) throw new Refused(-27, 'txn-already-in-mempool');
    if (await this.node.getMeta(hash))
      throw new Refused(-27, 'Transaction outputs already in utxo set');
    if (!transaction.isFinal(chain.height + 1, await chain.getMedianTime(chain.tip)))
      throw new Refused(-26, 'non-final');
    const rivals = new Set<any>();
    for (const { prevout } of transaction.inputs) {
      const rival = mempool.getSpent(prevout.hash, prevout.index);
      if (rival) rivals.add(rival);
      else if (
        !mempool.getCoin(prevout.hash, prevout.index) &&
        !(await chain.getCoin(prevout.hash, prevout.index))
      )
        throw new Refused(-25, 'bad-txns-inputs-missingorspent');
    }
    const view = await mempool.getCoinView(transaction);
    const fee = transaction.getFee(view);
    const vbytes = vbytesOf(transaction);
    if (fee < this.floorSatPerVb * vbytes)
      throw new Refused(
        -26,
        `mempool min fee not met, ${fee} < ${Math.ceil(this.floorSatPerVb * vbytes)}`,
      );
    checkWitness(transaction, view);
    return { evicted: this.#replaced([...rivals], { transaction, fee, vbytes }), view };
  }

  async add(transaction: any): Promise<void> {
    const { mempool, chain } = this.node;
    const { evicted, view } = await this.judge(transaction);
    for (const entry of evicted)
      if (mempool.hasEntry(entry.tx.hash('hex'))) mempool.evictEntry(entry);
    if (taprootInputs(transaction, view).length > 0) {
      // bcoin would refuse witness programs it does not know, in its mempool though not in blocks.
      await mempool.addEntry(MempoolEntry.fromTX(transaction, view, chain.height), view);
      return;
    }
    try {
      if (await mempool.addTX(transaction))
        throw new Refused(-25, 'bad-txns-inputs-missingorspent');
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused(-26, (error as { reason?: string }).reason ?? (error as Error).message);
    }
  }

  /** A parent and its child, judged by the rate of both (`submitpackage`). */
  async addPackage(pair: readonly any[]): Promise<void> {
    if (!this.packages) throw new Refused(-32601, 'Method not found');
    const { mempool } = this.node;
    const floor = this.floorSatPerVb;
    const entries: any[] = [];
    this.floorSatPerVb = 0;
    try {
      for (const transaction of pair) {
        const hash = transaction.hash('hex');
        if (!mempool.hasEntry(hash)) await this.add(transaction);
        entries.push(mempool.getEntry(hash));
      }
      if (this.#bestRate(entries[0]) < floor)
        throw new Refused(-26, 'mempool min fee not met, by the package');
    } catch (error) {
      if (entries[0]) mempool.evictEntry(entries[0]);
      throw error;
    } finally {
      this.floorSatPerVb = floor;
    }
  }

  /** What leaves for it (BIP-125, rules 1 to 6). */
  #replaced(
    rivals: readonly any[],
    asked: { readonly transaction: any; readonly fee: number; readonly vbytes: number },
  ): readonly any[] {
    if (rivals.length === 0) return [];
    const { transaction, fee, vbytes } = asked;
    const signals = ({ tx }: any) =>
      tx.inputs.some(({ sequence }: any) => sequence <= MAX_SIGNALLING_SEQUENCE);
    if (!this.replacement || !rivals.every(signals)) throw new Refused(-26, 'txn-mempool-conflict');
    const { mempool } = this.node;
    const evicted = this.#withDescendants(rivals);
    if (evicted.size > MAX_EVICTIONS)
      throw new Refused(-26, `too many potential replacements, ${evicted.size}`);
    const spent = new Set(
      rivals.flatMap(({ tx }) => tx.inputs.map(({ prevout }: any) => prevout.toKey())),
    );
    for (const { prevout } of transaction.inputs)
      if (mempool.hasEntry(prevout.hash) && !spent.has(prevout.toKey()))
        throw new Refused(-26, 'replacement-adds-unconfirmed');
    for (const { tx, fee: paid } of rivals)
      if (fee / vbytes <= paid / vbytesOf(tx))
        throw new Refused(
          -26,
          `insufficient fee, rejecting replacement ${transaction.txid()}; new feerate is not higher`,
        );
    const before = [...evicted].reduce((sum: number, entry: any) => sum + entry.fee, 0);
    if (fee < before + this.incrementSatPerVb * vbytes)
      throw new Refused(
        -26,
        `insufficient fee, rejecting replacement ${transaction.txid()}; ${fee} < ${before} + relay`,
      );
    return [...evicted];
  }
}

const vbytesOf = (transaction: any): number => Math.ceil(transaction.getWeight() / 4);
const btcPerKvB = (satPerVb: number): number => Math.round(satPerVb * 1000) / 1e8;

const taprootInputs = (transaction: any, view: any): number[] =>
  transaction.inputs.flatMap(({ prevout }: any, index: number) => {
    const script = view.getOutput(prevout).script.toRaw();
    return script.length === 34 && script[0] === 0x51 && script[1] === 0x20 ? [index] : [];
  });

/** Scripts as bcoin reads them; taproot's key path by BIP-341, which bcoin does not know. */
function checkWitness(transaction: any, view: any): void {
  const taproot = taprootInputs(transaction, view);
  if (taproot.length === 0) {
    if (!transaction.verify(view, Script.flags.STANDARD_VERIFY_FLAGS))
      throw new Refused(-26, 'mandatory-script-verify-flag-failed');
    return;
  }
  const parsed = Transaction.fromBuffer(transaction.toRaw());
  const outputs = transaction.inputs.map(({ prevout }: any) => view.getOutput(prevout));
  const scripts = outputs.map(({ script }: any) => Uint8Array.from(script.toRaw()));
  const values = outputs.map(({ value }: any) => BigInt(value));
  for (const index of taproot) {
    const [signature, ...rest] = parsed.ins[index]?.witness ?? [];
    const hash = parsed.hashForWitnessV1(index, scripts, values, Transaction.SIGHASH_DEFAULT);
    if (
      rest.length > 0 ||
      signature?.length !== 64 ||
      !ecc.verifySchnorr(hash, scripts[index].slice(2), signature)
    )
      throw new Refused(-26, 'mandatory-script-verify-flag-failed (Invalid Schnorr signature)');
  }
}
