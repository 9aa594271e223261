import { createRequire } from 'node:module';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { address, networks } from 'bitcoinjs-lib';
import { MempoolRules, Refused } from './mempool-rules.ts';
import type { RegtestNode } from './regtest-node.ts';

const { Address, TX } = createRequire(import.meta.url)('bcoin');

/** The part of Bitcoin Core's JSON-RPC that an anchor uses, answered by a bcoin node with Core's codes and words. */
export class CoreRpcFacade {
  readonly #server: Server;
  readonly rules: MempoolRules;
  /** Answers nothing while true: a node that is down. */
  down = false;
  /** What `getblockchaininfo` calls the chain. */
  chain = 'regtest';
  /** Whether it finds every transaction by its id alone. */
  indexed = true;

  private constructor(
    private readonly regtest: RegtestNode,
    private readonly credentials: string,
  ) {
    this.rules = new MempoolRules(regtest.node);
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
      chain: this.chain,
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
    getrawtransaction: async (txId: string, _verbose: boolean, where?: string) => {
      const meta = await this.#node.getMeta(internal(txId));
      const blockhash = meta?.block ? internal(meta.block) : undefined;
      const told = where === undefined ? this.indexed || !blockhash : where === blockhash;
      if (!meta || !told) throw new Refused(-5, 'No such mempool or blockchain transaction.');
      return { hex: meta.tx.toRaw().toString('hex'), ...(blockhash ? { blockhash } : {}) };
    },
    getindexinfo: async () =>
      this.indexed ? { txindex: { synced: true, best_block_height: this.#node.chain.height } } : {},
    // Of a wallet that watches every address, but those of miners.
    getwalletinfo: async () => ({ walletname: 'anchors', private_keys_enabled: false }),
    getaddressinfo: async () => ({ ismine: true, iswatchonly: false }),
    gettransaction: async (txId: string) => {
      const meta = await this.#node.getMeta(internal(txId));
      if (!meta || meta.tx.isCoinbase())
        throw new Refused(-5, 'Invalid or non-wallet transaction id');
      const blockhash = meta.block ? internal(meta.block) : undefined;
      const confirmations = blockhash ? this.#node.chain.height - meta.height + 1 : 0;
      return {
        hex: meta.tx.toRaw().toString('hex'),
        confirmations,
        ...(blockhash ? { blockhash } : {}),
      };
    },
    gettxout: async (txId: string, index: number, withPool: boolean) => {
      const hash = internal(txId);
      if (withPool && this.#node.mempool.isSpent(hash, index)) return null;
      const coin =
        (withPool ? this.#node.mempool.getCoin(hash, index) : null) ??
        (await this.#node.chain.getCoin(hash, index));
      if (!coin) return null;
      const script = new Uint8Array(coin.script.toRaw());
      const confirmations = coin.height < 0 ? 0 : this.#node.chain.height - coin.height + 1;
      return {
        value: coin.value / 1e8,
        confirmations,
        coinbase: coin.coinbase,
        scriptPubKey: { address: addressOf(script) },
      };
    },
    scantxoutset: async (_action: string, [descriptor]: [string]) => {
      const named = /^addr\((.+)\)$/.exec(descriptor)?.[1];
      if (!named) throw new Refused(-8, 'Only addr() descriptors');
      const unspents = await this.#coins(named);
      return { height: this.#node.chain.height, unspents };
    },
    // Of a wallet that watches every address. As Core's it hides a coin as soon as what spends it waits.
    listunspent: async (_least: number, _most: number, [named]: [string]) =>
      (await this.#coins(named))
        .filter(({ txid, vout }) => !this.#node.mempool.isSpent(internal(txid), vout))
        .map(({ height, ...coin }) => ({
          ...coin,
          confirmations: this.#node.chain.height - height + 1,
        }))
        .filter(({ coinbase, confirmations }) => !coinbase || confirmations > 100),
    listsinceblock: async (hash: string) => {
      const entry = await this.#entry(hash);
      if (entry.height !== this.#node.chain.height) throw new Refused(-8, 'Only since the tip');
      const waiting: any[] = [...this.#node.mempool.map.values()];
      return {
        transactions: waiting.flatMap(({ tx }) => {
          const one = { txid: tx.txid() as string, confirmations: 0 };
          return [
            { ...one, category: 'send' },
            { ...one, category: 'receive' },
          ];
        }),
        removed: [],
        lastblock: hash,
      };
    },
    gettxspendingprevout: async (outputs: { txid: string; vout: number }[]) =>
      outputs.map(({ txid, vout }) => {
        const by = this.#node.mempool.getSpentTX(internal(txid), vout);
        return { txid, vout, ...(by ? { spendingtxid: by.txid() } : {}) };
      }),
    getmempoolinfo: async () => this.rules.info(),
    estimatesmartfee: async (blocks: number) => this.rules.estimate(blocks),
    testmempoolaccept: async ([raw]: [string]) => {
      const transaction = TX.fromRaw(Buffer.from(raw, 'hex'));
      try {
        await this.rules.judge(transaction);
        return [{ txid: transaction.txid(), allowed: true }];
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return [{ txid: transaction.txid(), allowed: false, 'reject-reason': error.message }];
      }
    },
    submitpackage: async (raws: string[]) => {
      const pair = raws.map((raw) => TX.fromRaw(Buffer.from(raw, 'hex')));
      const results = Object.fromEntries(pair.map((one) => [one.txid(), {}]));
      try {
        await this.rules.addPackage(pair);
        return { package_msg: 'success', 'tx-results': results };
      } catch (error) {
        if (!(error instanceof Refused) || error.code === -32601) throw error;
        return {
          package_msg: 'transaction failed',
          'tx-results': { ...results, [pair[1].txid()]: { error: error.message } },
        };
      }
    },
    sendrawtransaction: async (raw: string) => {
      const transaction = TX.fromRaw(Buffer.from(raw, 'hex'));
      await this.rules.add(transaction);
      return transaction.txid();
    },
  };

  get #node(): any {
    return this.regtest.node;
  }

  async #coins(named: string) {
    const { version, data } = address.fromBech32(named);
    const coins: any[] = await this.#node.chain.getCoinsByAddress([
      Address.fromProgram(version, Buffer.from(data)),
    ]);
    return coins.map((coin) => ({
      txid: coin.txid() as string,
      vout: coin.index as number,
      amount: coin.value / 1e8,
      height: coin.height as number,
      coinbase: coin.coinbase as boolean,
    }));
  }

  async #entry(hash: string): Promise<any> {
    const entry = await this.#node.chain.getEntry(internal(hash));
    if (!entry) throw new Refused(-5, 'Block not found');
    return entry;
  }
}

/** Undefined where no address says it. */
function addressOf(script: Uint8Array): string | undefined {
  try {
    return address.fromOutputScript(script, networks.regtest);
  } catch {
    return undefined;
  }
}

/** bcoin keeps hashes as hex of the internal byte order. */
function internal(displayed: string): string {
  return Buffer.from(displayed, 'hex').reverse().toString('hex');
}
