import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { address, networks, Transaction } from 'bitcoinjs-lib';
import { BitcoinRpc, RpcError } from '../../src/bitcoin-rpc.js';
import { readTransaction } from '../../src/verify/transaction.js';

/** What the façade answers to a path instead of the truth. */
export type Lie = (
  path: string,
) => { readonly status: number; readonly body: string; readonly location?: string } | undefined;

interface ShownOutput {
  readonly scriptpubkey_address?: string;
  readonly value: number;
}

interface Told {
  readonly txid: string;
  readonly vin: readonly { txid: string; vout: number; prevout: ShownOutput | null }[];
  readonly vout: readonly ShownOutput[];
}

const place = ({ txid, vout }: { txid: string; vout: number }): string => `${txid}:${vout}`;

function shown({ script, value }: { script: Uint8Array; value: bigint }): ShownOutput {
  try {
    const named = address.fromOutputScript(script, networks.regtest);
    return { scriptpubkey_address: named, value: Number(value) };
  } catch {
    return { value: Number(value) };
  }
}

/** The part of Esplora's REST interface that an anchor uses, told from a Core-like node. */
export class EsploraFacade {
  readonly #server: Server;
  readonly #rpc: BitcoinRpc;
  lie: Lie = () => undefined;
  /** Waiting transactions of an address that one answer holds. */
  page = 50;

  private constructor(rpcUrl: string) {
    this.#rpc = new BitcoinRpc({
      url: rpcUrl,
      user: 'anchor',
      password: 'secret',
      timeoutMs: 10_000,
    });
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => {
        const path = request.url ?? '';
        const lie = this.lie(path);
        const answer = lie ? Promise.resolve(lie) : this.#answer(path, body);
        void answer.then(({ status, body: text, location }: NonNullable<ReturnType<Lie>>) =>
          response.writeHead(status, location === undefined ? {} : { location }).end(text),
        );
      });
    });
  }

  static async start(rpcUrl: string): Promise<EsploraFacade> {
    const facade = new EsploraFacade(rpcUrl);
    await new Promise<void>((resolve) => {
      facade.#server.listen(0, '127.0.0.1', resolve);
    });
    return facade;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(path: string, body: string): Promise<{ status: number; body: string }> {
    for (const [pattern, route] of this.#routes) {
      const found = pattern.exec(path);
      if (!found) continue;
      try {
        const value = await route(found.slice(1), body);
        return { status: 200, body: typeof value === 'string' ? value : JSON.stringify(value) };
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        const told = `sendrawtransaction RPC error: ${JSON.stringify({ code: error.code, message: error.message })}`;
        return path === '/api/tx'
          ? { status: 400, body: told }
          : { status: 404, body: 'not found' };
      }
    }
    return { status: 404, body: 'no such route' };
  }

  readonly #routes: [RegExp, (parts: any[], body: string) => Promise<unknown>][] = [
    [/^\/api\/blocks\/tip\/height$/, () => this.#height().then(String)],
    [/^\/api\/block-height\/(\d+)$/, ([height]) => this.#ask('getblockhash', Number(height))],
    [/^\/api\/block\/(\w+)\/header$/, ([hash]) => this.#ask('getblockheader', hash, false)],
    [
      /^\/api\/block\/(\w+)\/txids$/,
      async ([hash]) => (await this.#ask('getblock', hash, true)).tx,
    ],
    [/^\/api\/tx\/(\w+)\/hex$/, async ([id]) => (await this.#transaction(id)).hex],
    [/^\/api\/tx\/(\w+)\/status$/, ([id]) => this.#status(id)],
    [/^\/api\/tx\/(\w+)\/outspend\/(\d+)$/, ([id, index]) => this.#outspend(id, Number(index))],
    [
      /^\/api\/address\/(\w+)\/utxo$/,
      async ([address]) => {
        const { unspents } = await this.#ask('scantxoutset', 'start', [`addr(${address})`]);
        const height = await this.#height();
        const waiting = await this.#waiting();
        // As electrs does: what a waiting transaction spends is left out, what it pays is there.
        const spent = new Set(waiting.flatMap(({ vin }) => vin.map(place)));
        const made = waiting.flatMap(({ txid, vout }) =>
          vout.flatMap(({ scriptpubkey_address, value }, index) =>
            scriptpubkey_address === address ? [{ txid, vout: index, value }] : [],
          ),
        );
        const settled = unspents
          .filter((coin: any) => !coin.coinbase || height - coin.height >= 100)
          .map(({ txid, vout, amount }: any) => ({ txid, vout, value: Math.round(amount * 1e8) }));
        return Promise.all(
          [...settled, ...made]
            .filter((coin) => !spent.has(place(coin)))
            .map(async (coin) => ({ ...coin, status: await this.#status(coin.txid) })),
        );
      },
    ],
    [
      /^\/api\/address\/(\w+)\/txs\/mempool$/,
      async ([address]) => {
        const touching = (await this.#waiting()).filter(
          ({ vin, vout }) =>
            vin.some(({ prevout }) => prevout?.scriptpubkey_address === address) ||
            vout.some((output) => output.scriptpubkey_address === address),
        );
        return touching.slice(0, this.page);
      },
    ],
    [/^\/api\/tx\/(\w+)$/, ([id]) => this.#told(id)],
    [/^\/api\/fee-estimates$/, async () => ({ 1: 12.5, 6: 3, 144: 1.2 })],
    [/^\/api\/tx$/, (_parts, body) => this.#ask('sendrawtransaction', body)],
    [/^\/api\/txs\/package$/, (_parts, body) => this.#ask('submitpackage', JSON.parse(body))],
  ];

  #height(): Promise<number> {
    return this.#ask('getblockcount');
  }

  #transaction(id: string): Promise<any> {
    return this.#ask('getrawtransaction', id, true);
  }

  async #waiting(): Promise<Told[]> {
    const tip = await this.#ask('getblockhash', await this.#height());
    const { transactions } = await this.#ask('listsinceblock', tip);
    const ids = new Set((transactions as { txid: string }[]).map(({ txid }) => txid));
    return Promise.all([...ids].map((id) => this.#told(id)));
  }

  /** The members of Esplora's transaction that say what it spends and pays. */
  async #told(txid: string): Promise<Told> {
    const { outs, ins } = Transaction.fromHex((await this.#transaction(txid)).hex);
    const vin = await Promise.all(
      ins.map(async ({ hash, index: vout }) => {
        const id = Buffer.from(hash).reverse().toString('hex');
        if (/^0+$/.test(id)) return { txid: id, vout, prevout: null };
        const from = Transaction.fromHex((await this.#transaction(id)).hex);
        return { txid: id, vout, prevout: shown(from.outs[vout]!) };
      }),
    );
    return { txid, vin, vout: outs.map(shown) };
  }

  async #status(id: string): Promise<object> {
    const { blockhash } = await this.#transaction(id);
    if (!blockhash) return { confirmed: false };
    const { height, time } = await this.#ask('getblockheader', blockhash, true);
    return { confirmed: true, block_height: height, block_hash: blockhash, block_time: time };
  }

  /** A node has no index of what spends: blocks are searched from the newest. */
  async #outspend(id: string, index: number): Promise<object> {
    if ((await this.#ask('gettxout', id, index, true)) !== null) return { spent: false };
    const [{ spendingtxid }] = await this.#ask('gettxspendingprevout', [{ txid: id, vout: index }]);
    if (spendingtxid) return { spent: true, txid: spendingtxid, status: { confirmed: false } };
    const spends = Buffer.from(id, 'hex').reverse().toString('hex');
    for (let height = await this.#height(); height > 0; height -= 1) {
      const { tx } = await this.#ask('getblock', await this.#ask('getblockhash', height), true);
      for (const txid of tx as string[]) {
        const { hex } = await this.#transaction(txid);
        const { stripped } = readTransaction(Buffer.from(hex, 'hex'));
        const output = Buffer.alloc(4);
        output.writeUInt32LE(index);
        if (
          Buffer.from(stripped)
            .toString('hex')
            .includes(spends + output.toString('hex'))
        )
          return { spent: true, txid, status: await this.#status(txid) };
      }
    }
    return { spent: false };
  }

  #ask(method: string, ...parameters: unknown[]): Promise<any> {
    return this.#rpc.call(method, parameters, new AbortController().signal);
  }
}
