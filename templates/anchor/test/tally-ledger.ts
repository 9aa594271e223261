import { verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  fromHex,
  fromUtf8,
  inclusionProof,
  merkleRoot,
  sha256,
  toHex,
  utf8,
} from '@wattproof/core/verify';
import { headerBytes } from '../src/verify/block-header.js';
import {
  readTransaction,
  type Transaction,
  transactionId,
  transactionLeaf,
  unsignedText,
} from '../src/verify/transaction.js';

const FIRST_BLOCK_MS = 1_700_000_000_000;
const BLOCK_MS = 10_000;
/** SubjectPublicKeyInfo in front of an Ed25519 key (RFC 8410). */
const SPKI_ED25519 = fromHex('302a300506032b6570032100');

interface Block {
  readonly height: number;
  readonly hash: string;
  readonly header: Uint8Array;
  readonly timeMs: number;
  readonly transactions: readonly Uint8Array[];
}
interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

const refusal = (status: number, code: string, message = code): Answer => ({
  status,
  body: { error: { code, message } },
});

/** Tally in one process: accounts, sequence numbers, fees, blocks and reorganisations, behind the HTTP of the real one. */
export class TallyLedger {
  chain = 'test';
  minimumFee = 1n;
  balance = 1_000_000n;
  /** No answer at all. */
  down = false;
  /** The next submission is taken and its answer lost. */
  loseReply = false;
  /** Replaces every answer, for a node that talks nonsense. */
  nonsense: Answer | undefined;
  #blocks: Block[] = [];
  #waiting: Uint8Array[] = [];
  #forks = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then((answer) => {
        if (answer === undefined) return response.socket?.destroy();
        response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
        return response.end(JSON.stringify(answer.body));
      });
    });
    this.mine();
  }

  static async listen(): Promise<TallyLedger> {
    const ledger = new TallyLedger();
    ledger.#server.listen(0, '127.0.0.1');
    await once(ledger.#server, 'listening');
    return ledger;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** Includes what waits and pays enough; one transaction per account and sequence number. */
  mine(): void {
    const ready = this.#waiting.filter((bytes) => feeOf(bytes) >= this.minimumFee);
    this.#waiting = this.#waiting.filter((bytes) => !ready.includes(bytes));
    const height = this.#blocks.length;
    const timeMs = FIRST_BLOCK_MS + height * BLOCK_MS + this.#forks;
    const root = toHex(merkleRoot('rfc9162', ready.map(transactionLeaf)));
    const previous = this.#blocks.at(-1)?.hash ?? '';
    const header = headerBytes({ count: ready.length, height, previous, root, timeMs });
    const hash = toHex(sha256(header));
    for (const bytes of ready) this.balance -= feeOf(bytes);
    this.#blocks.push({ height, hash, header, timeMs, transactions: ready });
  }

  /** A longer branch takes the place of the newest blocks; this node has never seen what was in them. */
  reorg(depth: number): void {
    const gone = this.#blocks.splice(Math.max(1, this.#blocks.length - depth));
    for (const bytes of gone.flatMap(({ transactions }) => transactions))
      this.balance += feeOf(bytes);
    const waiting = this.#waiting.splice(0);
    this.#forks += 1;
    for (let block = 0; block <= gone.length; block += 1) this.mine();
    this.#waiting = waiting;
  }

  /** As a node that was restarted. */
  forgetWaiting(): void {
    this.#waiting = [];
  }

  header(height: number): Uint8Array | undefined {
    return this.#blocks[height]?.header;
  }

  idsOf(memo: string): readonly string[] {
    return this.#included()
      .filter((bytes) => readTransaction(bytes).memo === memo)
      .map(transactionId);
  }

  // --- what the node answers --------------------------------------------------------------------

  /** Undefined: the connection breaks. */
  async #answer(request: IncomingMessage): Promise<Answer | undefined> {
    if (this.down) return undefined;
    if (this.nonsense) return this.nonsense;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://tally');
    const [, noun, id = '', list] = pathname.split('/');
    if (request.method === 'POST') {
      const answer = this.#submit((await bodyOf(request)) as { bytes: string });
      const lost = this.loseReply;
      this.loseReply = false;
      return lost ? undefined : answer;
    }
    if (noun === 'tip')
      return {
        body: {
          chain: this.chain,
          height: this.#blocks.length - 1,
          minimum_fee: this.minimumFee.toString(),
        },
      };
    if (noun === 'transactions') {
      const bytes = this.#all().find((each) => transactionId(each) === id);
      return bytes ? { body: this.#shown(bytes) } : refusal(404, 'not_found');
    }
    const mine = this.#all().filter((bytes) => readTransaction(bytes).account === id);
    if (list === undefined) {
      const used = new Set(mine.map((bytes) => readTransaction(bytes).sequence));
      let next = 0;
      while (used.has(next)) next += 1;
      return { body: { balance: this.balance.toString(), next_sequence: next } };
    }
    const sequence = searchParams.get('sequence');
    const memo = searchParams.get('memo');
    const asked = mine.filter((bytes) => {
      const each = readTransaction(bytes);
      return sequence === null ? each.memo === memo : each.sequence === Number(sequence);
    });
    return { body: asked.map((bytes) => this.#shown(bytes)) };
  }

  #submit({ bytes: text }: { readonly bytes: string }): Answer {
    let bytes: Uint8Array;
    let transaction: Transaction;
    try {
      bytes = fromHex(text);
      transaction = readTransaction(bytes);
    } catch (error) {
      return refusal(400, 'malformed', (error as Error).message);
    }
    const id = transactionId(bytes);
    if (this.#all().some((each) => transactionId(each) === id)) return { body: { known: true } };
    if (!isSigned(transaction)) return refusal(400, 'bad_signature');
    const fee = feeOf(bytes);
    if (fee < this.minimumFee) return refusal(400, 'fee_too_low', `at least ${this.minimumFee}`);
    if (fee > this.balance) return refusal(400, 'balance_too_low', `${this.balance} left`);
    const rival = ({ account, sequence }: Transaction): boolean =>
      account === transaction.account && sequence === transaction.sequence;
    if (this.#included().some((each) => rival(readTransaction(each))))
      return refusal(409, 'sequence_taken');
    const replaced = this.#waiting.find((each) => rival(readTransaction(each)));
    if (replaced && fee <= feeOf(replaced))
      return refusal(400, 'fee_too_low', 'pay more to replace');
    this.#waiting = [...this.#waiting.filter((each) => each !== replaced), bytes];
    return { status: 201, body: { known: false } };
  }

  #included(): readonly Uint8Array[] {
    return this.#blocks.flatMap(({ transactions }) => transactions);
  }

  /** Included ones first. */
  #all(): readonly Uint8Array[] {
    return [...this.#included(), ...this.#waiting];
  }

  #shown(bytes: Uint8Array): object {
    const shown = { id: transactionId(bytes), bytes: toHex(bytes) };
    const block = this.#blocks.find(({ transactions }) => transactions.includes(bytes));
    if (!block) return shown;
    const { height, hash, timeMs, header, transactions } = block;
    const index = transactions.indexOf(bytes);
    const path = inclusionProof('rfc9162', transactions.map(transactionLeaf), index).map(toHex);
    return {
      ...shown,
      block: { height, hash, time_ms: timeMs, header: toHex(header), index, path },
    };
  }
}

const feeOf = (bytes: Uint8Array): bigint => BigInt(readTransaction(bytes).fee);

function isSigned(transaction: Transaction): boolean {
  const der = Buffer.concat([SPKI_ED25519, fromHex(transaction.account)]);
  const key = { key: der, format: 'der', type: 'spki' } as const;
  return verify(null, utf8(unsignedText(transaction)), key, fromHex(transaction.signature));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(fromUtf8(Buffer.concat(chunks)));
}
