import { createRequire } from 'node:module';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networks, payments } from 'bitcoinjs-lib';
import type { RegtestNode } from './regtest-node.ts';

const { TX } = createRequire(import.meta.url)('bcoin');

class Refused extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** The part of Bitcoin Core's JSON-RPC that an anchor uses, answered by a bcoin node with Core's codes and words. */
export class CoreRpcFacade {
  readonly #server: Server;
  /** Answers nothing while true: a node that is down. */
  down = false;

  private constructor(
    private readonly regtest: RegtestNode,
    private readonly credentials: string,
  ) {
    this.#server = createServer((request, response) => {
      if (this.down) {
        request.socket.destroy();
        return;
      }
      if (
        request.headers.authorization !==
        `Basic ${Buffer.from(this.credentials).toString('base64')}`
      ) {
        response.writeHead(401).end();
        return;
      }
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => {
        void this.#answer(body).then((answer) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(answer),
        );
      });
    });
  }

  static async start(regtest: RegtestNode, credentials = 'anchor:secret'): Promise<CoreRpcFacade> {
    const facade = new CoreRpcFacade(regtest, credentials);
    await new Promise<void>((resolve) => {
      facade.#server.listen(0, '127.0.0.1', resolve);
    });
    return facade;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(body: string): Promise<string> {
    const { id, method, params } = JSON.parse(body) as {
      id: number;
      method: string;
      params: any[];
    };
    try {
      const handler = this.#methods[method];
      if (!handler) throw new Refused(-32601, 'Method not found');
      return JSON.stringify({ id, result: await handler(...params), error: null });
    } catch (error) {
      const code = error instanceof Refused ? error.code : -1;
      return JSON.stringify({
        id,
        result: null,
        error: { code, message: (error as Error).message },
      });
    }
  }

  readonly #methods: Record<string, (...parameters: any[]) => Promise<unknown>> = {
    getblockcount: async () => this.#node.chain.height,
    getblockchaininfo: async () => ({
      chain: 'regtest',
      blocks: this.#node.chain.height,
      headers: this.#node.chain.height,
    }),
    getblockhash: async (height: number) => {
      const entry = await this.#node.chain.getEntry(height);
      if (!entry) throw new Refused(-8, 'Block height out of range');
      return entry.rhash();
    },
    getblockheader: async (hash: string, verbose: boolean) => {
      const entry = await this.#entry(hash);
      const block = await this.#node.chain.getBlock(entry.hash);
      return verbose
        ? { hash, height: entry.height, time: entry.time }
        : block.toRaw().subarray(0, 80).toString('hex');
    },
    getblock: async (hash: string) => {
      const block = await this.#node.chain.getBlock((await this.#entry(hash)).hash);
      return { hash, tx: block.txs.map((transaction: any) => transaction.txid()) };
    },
    getrawtransaction: async (txId: string) => {
      const meta = await this.#node.getMeta(internal(txId));
      if (!meta) throw new Refused(-5, 'No such mempool or blockchain transaction.');
      const blockhash = meta.block ? internal(meta.block) : undefined;
      return { hex: meta.tx.toRaw().toString('hex'), ...(blockhash ? { blockhash } : {}) };
    },
    gettxout: async (txId: string, index: number, withPool: boolean) => {
      const hash = internal(txId);
      if (withPool && this.#node.mempool.isSpent(hash, index)) return null;
      const coin =
        (withPool ? this.#node.mempool.getCoin(hash, index) : null) ??
        (await this.#node.chain.getCoin(hash, index));
      return coin ? { value: coin.value / 1e8 } : null;
    },
    scantxoutset: async (_action: string, [descriptor]: [string]) => {
      const address = /^addr\((.+)\)$/.exec(descriptor)?.[1];
      if (!address) throw new Refused(-8, 'Only addr() descriptors');
      const program = payments.p2wpkh({ address, network: networks.regtest }).hash as Uint8Array;
      const { Address } = createRequire(import.meta.url)('bcoin');
      const coins = await this.#node.chain.getCoinsByAddress([
        Address.fromWitnessPubkeyhash(Buffer.from(program)),
      ]);
      return {
        height: this.#node.chain.height,
        unspents: coins.map((coin: any) => ({
          txid: coin.txid(),
          vout: coin.index,
          amount: coin.value / 1e8,
          height: coin.height,
          coinbase: coin.coinbase,
        })),
      };
    },
    sendrawtransaction: async (raw: string) => {
      const transaction = TX.fromRaw(Buffer.from(raw, 'hex'));
      const hash = transaction.hash('hex');
      if (this.#node.mempool.hasEntry(hash))
        throw new Refused(-27, 'Transaction already in mempool');
      if (await this.#node.getMeta(hash))
        throw new Refused(-27, 'Transaction outputs already in utxo set');
      for (const { prevout } of transaction.inputs) {
        if (this.#node.mempool.isSpent(prevout.hash, prevout.index))
          throw new Refused(-26, 'txn-mempool-conflict');
      }
      try {
        const missing = await this.#node.mempool.addTX(transaction);
        if (missing) throw new Refused(-25, 'bad-txns-inputs-missingorspent');
      } catch (error) {
        if (error instanceof Refused) throw error;
        throw new Refused(-26, (error as { reason?: string }).reason ?? (error as Error).message);
      }
      return transaction.txid();
    },
  };

  get #node(): any {
    return this.regtest.node;
  }

  async #entry(hash: string): Promise<any> {
    const entry = await this.#node.chain.getEntry(internal(hash));
    if (!entry) throw new Refused(-5, 'Block not found');
    return entry;
  }
}

/** bcoin keeps hashes as hex of the internal byte order. */
function internal(displayed: string): string {
  return Buffer.from(displayed, 'hex').reverse().toString('hex');
}
