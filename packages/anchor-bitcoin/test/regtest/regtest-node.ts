import { createRequire } from 'node:module';

// bcoin's native parts would have to be compiled; its JavaScript back end is chosen before it loads.
process.env['NODE_BACKEND'] = 'js';
const bcoin = createRequire(import.meta.url)('bcoin');

/** Segwit is active from here on bcoin's regtest. */
const SEGWIT_HEIGHT = 450;

/** Enough for a transaction of some hundred outputs. */
const PURSE_FEE_SAT = 50_000;

/** A real Bitcoin node in memory, on regtest, that mines when told to and can be reorganised. */
export class RegtestNode {
  /** What small coins are paid from. */
  readonly #purse = bcoin.KeyRing.fromPrivate(Buffer.alloc(32, 9), true);

  private constructor(readonly node: any) {
    this.#purse.witness = true;
  }

  static async start(): Promise<RegtestNode> {
    const node = new bcoin.FullNode({
      network: 'regtest',
      memory: true,
      indexTX: true,
      indexAddress: true,
      listen: false,
      // Its own server cannot be switched off; on its default port two nodes would collide.
      httpPort: 0,
      workers: false,
      logLevel: 'none',
    });
    await node.open();
    const regtest = new RegtestNode(node);
    // Mature when segwit is active.
    await regtest.mine(1, Buffer.concat([Buffer.of(0, 20), regtest.#purse.getKeyHash()]));
    await regtest.mine(SEGWIT_HEIGHT - 1, 1);
    return regtest;
  }

  get height(): number {
    return this.node.chain.height;
  }

  /** Mines blocks that pay to a program nobody watches (`to` fills its 20 bytes) or to a locking script. */
  async mine(count: number, to: number | Uint8Array = 2): Promise<void> {
    const address =
      typeof to === 'number'
        ? bcoin.Address.fromWitnessPubkeyhash(Buffer.alloc(20, to))
        : addressOf(to);
    for (let i = 0; i < count; i += 1) {
      const job = await this.node.miner.cpu.createJob(this.node.chain.tip, address);
      await this.node.chain.add(await job.mineAsync());
    }
  }

  /** Sends these outputs in one transaction; it waits for a block. */
  async pay(outputs: readonly { script: Uint8Array; valueSat: number }[]): Promise<void> {
    const own = this.#purse.getAddress();
    const [coin] = await this.node.chain.getCoinsByAddress([own]);
    const transaction = new bcoin.MTX();
    transaction.addCoin(coin);
    for (const { script, valueSat } of outputs)
      transaction.addOutput({ address: addressOf(script), value: valueSat });
    const paid = outputs.reduce((sum, { valueSat }) => sum + valueSat, 0);
    transaction.addOutput({ address: own, value: coin.value - paid - PURSE_FEE_SAT });
    transaction.sign(this.#purse);
    await this.node.mempool.addTX(transaction.toTX());
  }

  /** Replaces the newest `depth` blocks by `depth + 1` empty ones; what they held is forgotten. */
  async reorganise(depth: number): Promise<void> {
    const { chain, miner, mempool } = this.node;
    let previous = await chain.getEntry(chain.height - depth);
    const address = bcoin.Address.fromWitnessPubkeyhash(Buffer.alloc(20, 4 + (depth % 200)));
    // The competing branch must not pick up what waits, so the pool is emptied first.
    await mempool.reset();
    for (let i = 0; i <= depth; i += 1) {
      const job = await miner.cpu.createJob(previous, address);
      const block = await job.mineAsync();
      await chain.add(block);
      previous = await chain.getEntry(block.hash('hex'));
    }
    await mempool.reset();
  }

  /** The 80 bytes of the header at a height of the best chain. */
  async header(height: number): Promise<Uint8Array | undefined> {
    const entry = await this.node.chain.getEntry(height);
    return entry
      ? Uint8Array.from((await this.node.chain.getBlock(entry.hash)).toRaw().subarray(0, 80))
      : undefined;
  }

  /** Transactions in blocks of the best chain that pay to or spend from a locking script. */
  async transactionsOf(script: Uint8Array): Promise<{ txid: string; raw: Uint8Array }[]> {
    const metas = await this.node.chain.getMetaByAddress([addressOf(script)]);
    return metas
      .filter((meta: any) => meta.height >= 0)
      .map((meta: any) => ({ txid: meta.tx.txid(), raw: Uint8Array.from(meta.tx.toRaw()) }));
  }

  async stop(): Promise<void> {
    await this.node.close();
  }
}

/** Of a script that is a witness program (BIP-141): its version and its bytes. */
function addressOf(script: Uint8Array): any {
  const version = script[0] === 0 ? 0 : (script[0] as number) - 0x50;
  return bcoin.Address.fromProgram(version, Buffer.from(script.slice(2)));
}
