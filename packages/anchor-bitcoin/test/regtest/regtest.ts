import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

/** Pays for some hundred anchors. */
const ENDOWMENT_SAT = 1_000_000;
const BURIED_BLOCKS = 12;

/** Rates in sat/vB; what is left out stays as it is. */
export interface Fees {
  /** What waits below it is dropped. */
  readonly floor?: number;
  /** null: the node cannot estimate. */
  readonly estimate?: number | null;
  /** False: the node keeps the first transaction that spends a coin. */
  readonly replacement?: boolean;
  /** False: it takes no packages. */
  readonly packages?: boolean;
}

/** A real Bitcoin node on regtest in a process of its own, and what a test may do to it. */
export class Regtest {
  #next = 1;
  readonly #waiting = new Map<
    number,
    { resolve: (value: any) => void; reject: (error: Error) => void }
  >();
  #url = '';

  private constructor(private readonly child: ChildProcess) {
    child.on(
      'message',
      ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
        const waiting = this.#waiting.get(id);
        this.#waiting.delete(id);
        if (error === undefined) waiting?.resolve(result);
        else waiting?.reject(new Error(error));
      },
    );
    child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The regtest node ended (${code}).`));
    });
  }

  static async start(): Promise<Regtest> {
    const child = fork(join(import.meta.dirname, 'regtest-server.ts'), {
      execArgv: [
        '--experimental-transform-types',
        '--disable-warning=ExperimentalWarning',
        '--disable-warning=DEP0176',
      ],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const regtest = new Regtest(child);
    await new Promise((resolve, reject) => {
      regtest.#waiting.set(0, { resolve, reject });
    });
    regtest.#url = await regtest.#ask<string>('url');
    return regtest;
  }

  /** Where its Core-like JSON-RPC answers, to user `anchor` with password `secret`. */
  get url(): string {
    return this.#url;
  }

  height(): Promise<number> {
    return this.#ask('height');
  }

  /** Blocks that pay to a program nobody watches, or to the given locking script. */
  mine(count: number, script?: Uint8Array): Promise<void> {
    return this.#ask('mine', count, script && Buffer.from(script).toString('hex'));
  }

  /** A coin of each value for a locking script, in a block. */
  async pay(script: Uint8Array, ...valuesSat: readonly number[]): Promise<void> {
    const hex = Buffer.from(script).toString('hex');
    await this.#ask(
      'pay',
      valuesSat.map((valueSat) => ({ script: hex, valueSat })),
    );
    await this.mine(1);
  }

  /** A coin for each locking script, deeper than a test takes blocks back. */
  async fund(...scripts: readonly Uint8Array[]): Promise<void> {
    const outputs = scripts.map((script) => ({
      script: Buffer.from(script).toString('hex'),
      valueSat: ENDOWMENT_SAT,
    }));
    await this.#ask('pay', outputs);
    await this.mine(BURIED_BLOCKS);
  }

  /** Replaces the newest `depth` blocks by `depth + 1` empty ones. */
  reorganise(depth: number): Promise<void> {
    return this.#ask('reorganise', depth);
  }

  async header(height: number): Promise<Uint8Array | undefined> {
    const header = await this.#ask<string | undefined>('header', height);
    return header === undefined ? undefined : Uint8Array.from(Buffer.from(header, 'hex'));
  }

  /** Transactions in blocks of the best chain that pay to or spend from a locking script. */
  async transactionsOf(script: Uint8Array): Promise<{ txid: string; raw: Uint8Array }[]> {
    const found = await this.#ask<{ txid: string; raw: string }[]>(
      'transactionsOf',
      Buffer.from(script).toString('hex'),
    );
    return found.map(({ txid, raw }) => ({ txid, raw: Uint8Array.from(Buffer.from(raw, 'hex')) }));
  }

  setDown(down: boolean): Promise<void> {
    return this.#ask('setDown', down);
  }

  /** What the node says the chain is called. */
  setChain(chain: string): Promise<void> {
    return this.#ask('setChain', chain);
  }

  /** Whether the node finds every transaction by its id alone (`txindex=1`). */
  setIndexed(indexed: boolean): Promise<void> {
    return this.#ask('setIndexed', indexed);
  }

  setFees(fees: Fees): Promise<void> {
    return this.#ask('setFees', fees);
  }

  /** The node forgets everything that waits. */
  evictAll(): Promise<void> {
    return this.#ask('evictAll');
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => {
      this.child.once('exit', resolve);
    });
    this.child.kill('SIGTERM');
    await ended;
  }

  #ask<T>(name: string, ...parameters: readonly unknown[]): Promise<T> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.child.send({ id, name, parameters });
    });
  }
}
