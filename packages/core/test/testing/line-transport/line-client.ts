import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type {
  ReceivedCommand,
  SendOutcome,
  TransportClient,
  TransportDriver,
} from '../../../src/testing/describe-transport.js';
import type { LineTransport } from './line-transport.js';

const WORDS: Readonly<Record<string, SendOutcome>> = {
  ACK: 'ack',
  REFUSED: 'refused',
  RETRY: 'retry',
};

/** A device of the line transport. */
class LineClient implements TransportClient {
  readonly #waiting = new Map<string, (outcome: SendOutcome) => void>();
  readonly #commands: ReceivedCommand[] = [];
  readonly #wanted: ((command: ReceivedCommand) => void)[] = [];
  readonly #admitted = Promise.withResolvers<void>();
  #numbered = 0;

  constructor(private readonly socket: Socket) {
    socket.on('error', () => {});
    createInterface(socket).on('line', (line) => this.#heard(line));
    socket.on('close', () => {
      this.#admitted.reject(new Error('not let in'));
      for (const tell of this.#waiting.values()) tell('closed');
      this.#waiting.clear();
    });
  }

  async admit(key: string): Promise<void> {
    this.socket.write(`AUTH ${key}\n`);
    await this.#admitted.promise;
  }
  send(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#ask('SEND', bytes);
  }
  answer(bytes: Uint8Array): Promise<SendOutcome> {
    return this.#ask('ANSWER', bytes);
  }
  async sendGarbage(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.write(Buffer.from([0, 1, 2, 255, 10, 10, 200, 10]));
    await closed;
  }
  nextCommand(): Promise<ReceivedCommand> {
    const command = this.#commands.shift();
    return command
      ? Promise.resolve(command)
      : new Promise((resolve) => this.#wanted.push(resolve));
  }
  cut(): void {
    this.socket.destroy();
  }
  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    const closed = once(this.socket, 'close');
    this.socket.end();
    await closed;
  }

  #ask(verb: string, bytes: Uint8Array): Promise<SendOutcome> {
    if (this.socket.destroyed) return Promise.resolve('closed');
    const number = String((this.#numbered += 1));
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      this.socket.write(`${verb} ${number} ${Buffer.from(bytes).toString('base64')}\n`);
    });
  }
  #heard(line: string): void {
    const [word = '', number = ''] = line.split(' ');
    if (word === 'IN') this.#admitted.resolve();
    else if (word === 'COMMAND') {
      const command = JSON.parse(line.slice('COMMAND '.length)) as ReceivedCommand;
      const wanted = this.#wanted.shift();
      if (wanted) wanted(command);
      else this.#commands.push(command);
    } else {
      this.#waiting.get(number)?.(WORDS[word] as SendOutcome);
      this.#waiting.delete(number);
    }
  }
}

export const lineDriver: TransportDriver = {
  async connect({ transport }, { credential }) {
    const socket = connect((transport as LineTransport).port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new LineClient(socket);
    await client.admit(credential.kind === 'api-key' ? credential.key : '');
    return client;
  },
};
