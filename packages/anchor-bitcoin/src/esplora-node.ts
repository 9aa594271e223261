import { AnchorError, type Inclusion } from '@wattproof/core/spi';
import { z } from 'zod';
import type {
  BitcoinBackend,
  BlockOutline,
  ChainInfo,
  OutputReference,
  Unspent,
} from './bitcoin-backend.js';
import type { FeeMarket, NodeTransaction, Spending, UnspentOutput } from './bitcoin-node.js';
import { RpcError } from './bitcoin-rpc.js';
import { anchorErrorOf, isKnown, NO_PACKAGES, packageErrorOf } from './bitcoin.errors.js';
import { type Answer, boundedAnswer } from './bounded-answer.js';
import { Hash, HeldCoins } from './esplora-coins.js';
import { chainOfGenesis } from './verify/known-chains.js';
import { readPackageAnswer } from './package-answer.js';
import { bytesOf, hex } from './verify/block-header.js';

export interface EsploraOptions {
  readonly url: string;
  readonly timeoutMs: number;
}

/** Bitcoin Core's default of `-minrelaytxfee` and `-incrementalrelayfee`, which Esplora does not tell. */
const RELAY_SAT_PER_VB = 1;
const SAT_PER_BTC = 100_000_000;

const Height = z.int().min(0);
const Status = z.discriminatedUnion('confirmed', [
  z.object({
    confirmed: z.literal(true),
    block_height: Height,
    block_hash: Hash,
    block_time: z.int().min(0),
  }),
  z.object({ confirmed: z.literal(false) }),
]);
const Outspend = z.discriminatedUnion('spent', [
  z.object({ spent: z.literal(true), txid: Hash, status: Status }),
  z.object({ spent: z.literal(false) }),
]);
const Utxos = z.array(
  z.object({ txid: Hash, vout: z.int().min(0), value: z.int().min(0), status: Status }),
);
const FeeEstimates = z.record(z.string(), z.number().positive());
const TxIds = z.array(Hash);

/** The REST interface of Blockstream's Esplora, which mempool.space and electrs offer, too. */
export class EsploraNode implements BitcoinBackend {
  readonly #base: string;

  constructor(
    private readonly options: EsploraOptions,
    private readonly request: typeof fetch = fetch,
  ) {
    this.#base = options.url.replace(/\/+$/, '');
  }

  async chainInfo(signal: AbortSignal): Promise<ChainInfo> {
    const blocks = await this.#tip(signal);
    const genesis = await this.blockHash(0, signal);
    return { blocks, headers: blocks, chain: chainOfGenesis(genesis) };
  }

  height(signal: AbortSignal): Promise<number> {
    return this.#tip(signal);
  }

  async blockHash(height: number, signal: AbortSignal): Promise<string | undefined> {
    const text = await this.#text(`/block-height/${height}`, signal);
    return text === undefined ? undefined : this.#read(Hash, text, 'a block hash');
  }

  async transaction(txId: string, signal: AbortSignal): Promise<NodeTransaction | undefined> {
    const raw = await this.#text(`/tx/${txId}/hex`, signal);
    if (raw === undefined) return undefined;
    const status = await this.#json(Status, `/tx/${txId}/status`, signal);
    const bytes = bytesOf(raw);
    if (bytes === undefined) throw this.#nonsense('a transaction');
    return { bytes, ...(status?.confirmed ? { blockHash: status.block_hash } : {}) };
  }

  async send(bytes: Uint8Array, signal: AbortSignal): Promise<'accepted' | 'known'> {
    const { status, text } = await this.#ask('/tx', { method: 'POST', body: hex(bytes), signal });
    if (status === 200) return 'accepted';
    if (status !== 400)
      throw new AnchorError('unavailable', `${this.#who} answered HTTP ${status} to POST /tx.`);
    const said = new RpcError('POST /tx', codeIn(text), text.slice(0, 300));
    if (isKnown(said)) return 'known';
    throw anchorErrorOf(said);
  }

  async sendPackage(pair: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const body = JSON.stringify(pair.map(hex));
    const { status, text } = await this.#ask('/txs/package', { method: 'POST', body, signal });
    try {
      if (status !== 200)
        throw new RpcError(
          'POST /txs/package',
          NO_PACKAGES,
          `HTTP ${status}: ${text.slice(0, 300)}`,
        );
      readPackageAnswer(JSON.parse(text));
    } catch (error) {
      throw packageErrorOf(error);
    }
  }

  async inclusion(txId: string, signal: AbortSignal): Promise<Inclusion | undefined> {
    const status = await this.#json(Status, `/tx/${txId}/status`, signal);
    if (!status?.confirmed) return undefined;
    const { block_height: height, block_hash: blockHash, block_time: timeS } = status;
    const tip = await this.#tip(signal);
    // Between the two answers there may have been a reorganisation.
    if (height > tip || (await this.blockHash(height, signal)) !== blockHash) return undefined;
    return { height, blockHash, blockTimeMs: timeS * 1000, depth: tip - height + 1 };
  }

  async block(blockHash: string, signal: AbortSignal): Promise<BlockOutline> {
    const header = await this.header(blockHash, signal);
    const txIds = await this.#json(TxIds, `/block/${blockHash}/txids`, signal);
    return { header, txIds: txIds ?? this.#noBlock(blockHash) };
  }

  async header(blockHash: string, signal: AbortSignal): Promise<string> {
    const header = await this.#text(`/block/${blockHash}/header`, signal);
    return header ?? this.#noBlock(blockHash);
  }

  async spending(
    { txId, index }: OutputReference,
    signal: AbortSignal,
  ): Promise<Spending | undefined> {
    const found = await this.#json(Outspend, `/tx/${txId}/outspend/${index}`, signal);
    return found?.spent ? { inBlock: found.status.confirmed, txId: found.txid } : undefined;
  }

  async feeMarket(targetBlocks: number, signal: AbortSignal): Promise<FeeMarket> {
    const estimates = (await this.#json(FeeEstimates, '/fee-estimates', signal)) ?? {};
    // The estimate of the nearest target that is not slower.
    const target = Object.keys(estimates)
      .map(Number)
      .filter((blocks) => blocks <= targetBlocks)
      .reduce((most, blocks) => Math.max(most, blocks), 0);
    const estimate = estimates[target];
    return {
      ...(estimate === undefined ? {} : { estimateSatPerVb: estimate }),
      // Core estimates nothing below what its mempool takes, so the least estimate is what is surely taken.
      floorSatPerVb:
        Object.values(estimates).reduce(
          (least, rate) => Math.min(least ?? rate, rate),
          undefined as number | undefined,
        ) ?? RELAY_SAT_PER_VB,
      incrementSatPerVb: RELAY_SAT_PER_VB,
    };
  }

  async unspent(address: string, signal: AbortSignal): Promise<Unspent> {
    const height = await this.#tip(signal);
    const held = new HeldCoins(
      {
        json: (schema, path) => this.#json(schema, path, signal),
        inclusion: (txId) => this.inclusion(txId, signal),
      },
      address,
    );
    await held.listWaiting();
    const found = (await this.#json(Utxos, `/address/${address}/utxo`, signal)) ?? [];
    const unspents = found.flatMap(({ txid, vout, value, status }) =>
      status.confirmed
        ? [{ txid, vout, amount: value / SAT_PER_BTC, height: status.block_height }]
        : [],
    );
    const changes = found.flatMap(({ txid, status }) => (status.confirmed ? [] : [txid]));
    const isListed = ({ txid, vout }: UnspentOutput): boolean =>
      unspents.some((coin) => coin.txid === txid && coin.vout === vout);
    const hidden = (await held.spentBy(changes)).filter((coin) => !isListed(coin));
    return { height, unspents: [...unspents, ...hidden] };
  }

  get #who(): string {
    return `The Esplora server ${this.#base}`;
  }

  async #tip(signal: AbortSignal): Promise<number> {
    const text = await this.#text('/blocks/tip/height', signal);
    const height = /^\d{1,9}$/.test(text ?? '') ? Number(text) : undefined;
    return this.#read(Height, height, 'a height');
  }

  async #json<T>(schema: z.ZodType<T>, path: string, signal: AbortSignal): Promise<T | undefined> {
    const text = await this.#text(path, signal);
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw this.#nonsense(path, cause);
    }
    return this.#read(schema, value, path);
  }

  /** The body of what is found; undefined when there is no such thing. */
  async #text(path: string, signal: AbortSignal): Promise<string | undefined> {
    const { status, text } = await this.#ask(path, { signal });
    if (status === 404) return undefined;
    if (status === 200) return text.trim();
    throw new AnchorError('unavailable', `${this.#who} answered HTTP ${status} to ${path}.`);
  }

  async #ask(
    path: string,
    init: RequestInit & { readonly signal: AbortSignal },
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { timeoutMs } = this.options;
    const answer: Answer = await boundedAnswer(this.#who, `${this.#base}${path}`, init, {
      timeoutMs,
      request: this.request,
    });
    if (answer.status === 429 || answer.status >= 500)
      throw new AnchorError('unavailable', `${this.#who} answered HTTP ${answer.status}.`);
    return { status: answer.status, text: Buffer.from(answer.bytes).toString('utf8') };
  }

  #read<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    throw this.#nonsense(what, read.error);
  }

  #noBlock(blockHash: string): never {
    throw new AnchorError('not-found', `${this.#who} has no block ${blockHash}.`);
  }

  #nonsense(what: string, cause?: unknown): AnchorError {
    return new AnchorError(
      'unavailable',
      `${this.#who} answered something that is not ${what}. Check the address of its API.`,
      { cause },
    );
  }
}

/** The code of Core's refusal, which Esplora quotes. */
function codeIn(text: string): number {
  const [, quoted, plain] = /"code":\s*(-?\d+)|RPC error (-?\d+)/.exec(text) ?? [];
  return Number(quoted ?? plain ?? -1);
}
