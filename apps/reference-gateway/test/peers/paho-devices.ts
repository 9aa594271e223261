import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReceivedCommand, SendOutcome, TransportClient } from '@wattproof/core/testing';
import { pythonWithPaho } from './run-program.js';

/** One line of `paho-devices.py`. */
interface Word {
  readonly device: string;
  readonly order?: number;
  readonly told?: 'connected' | 'refused' | 'failed' | 'ack' | 'sent' | 'cut' | 'closed';
  readonly error?: string;
  readonly command?: string;
  readonly closed?: true;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A Python process in which paho is any number of devices. */
export class PahoDevices {
  readonly #devices = new Map<string, PahoDevice>();
  #made = 0;

  private constructor(private readonly child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const word = JSON.parse(line) as Word;
      this.#devices.get(word.device)?.hear(word);
    });
  }

  static async start(): Promise<PahoDevices> {
    const script = resolve(import.meta.dirname, 'paho-devices.py');
    const child = spawn(await pythonWithPaho(), [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    return new PahoDevices(child);
  }

  /** Rejects when the broker does not let it in. */
  async connect(
    port: number,
    version: 4 | 5,
    { device, key }: { readonly device: string; readonly key: string },
  ): Promise<TransportClient> {
    const name = `${device}-${(this.#made += 1)}`;
    const paho = new PahoDevice(`wattproof/v1/${device}`, (words) => {
      this.child.stdin!.write(`${JSON.stringify({ device: name, ...words })}\n`);
    });
    this.#devices.set(name, paho);
    const commands = `wattproof/v1/${device}/commands`;
    const told = await paho.order('connect', { port, version, user: device, key, commands });
    if (told !== 'connected') throw new Error(`paho was not let in: ${told}`);
    return paho;
  }

  async end(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.stdin!.end();
    await ended;
  }
}

class PahoDevice implements TransportClient {
  readonly #orders = new Map<number, (told: string) => void>();
  readonly #commands: ReceivedCommand[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #made = 0;

  constructor(
    private readonly topic: string,
    private readonly write: (words: object) => void,
  ) {}

  send(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#publish('readings', bytes);
  }
  answer(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#publish('answers', bytes);
  }
  async sendGarbage(): Promise<void> {
    await this.order('raw', { payload: base64(Uint8Array.of(0xf7, 0xff, 0xff, 0xff, 0xff, 0)) });
    await this.#closed.promise;
  }
  cut(): void {
    void this.order('cut', {});
  }
  async close(): Promise<void> {
    await this.order('close', {});
    await this.#closed.promise;
  }
  async nextCommand(): Promise<ReceivedCommand> {
    while (this.#commands.length === 0) await this.#changed.promise;
    return this.#commands.shift()!;
  }

  /** What it was told, `closed` when its connection ended before. */
  order(what: string, words: object): Promise<string> {
    const order = (this.#made += 1);
    const { promise, resolve: tell } = Promise.withResolvers<string>();
    this.#orders.set(order, tell);
    this.write({ do: what, order, ...words });
    return promise;
  }
  hear({ order, told, error, command, closed }: Word): void {
    if (order !== undefined) this.#orders.get(order)?.(error ?? told!);
    if (command !== undefined) {
      this.#commands.push(JSON.parse(Buffer.from(command, 'base64').toString()) as ReceivedCommand);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
    if (closed !== true) return;
    this.#closed.resolve();
    for (const tell of this.#orders.values()) tell('closed');
  }

  async #publish(kind: string, bytes: Uint8Array): Promise<SendOutcome> {
    const told = this.order('publish', { topic: `${this.topic}/${kind}`, payload: base64(bytes) });
    return Promise.race([
      told as Promise<SendOutcome>,
      this.#closed.promise.then(() => 'closed' as const),
    ]);
  }
}
