import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { SendOutcome, TransportClient, TransportDriver } from '@wattproof/core/testing';
import type { TallyTransport } from '../src/tally.transport.js';

/** A device that speaks Tally, as the kit wants one: answers come in the order of the lines. */
class TallyClient implements TransportClient {
  readonly #waiting: ((told: SendOutcome) => void)[] = [];

  constructor(private readonly socket: Socket) {
    socket.on('error', () => socket.destroy());
    createInterface(socket).on('line', (line) => this.#waiting.shift()?.(toldBy(line)));
    socket.on('close', () => {
      for (const tell of this.#waiting.splice(0)) tell('closed');
    });
  }

  send(bytes: Uint8Array): Promise<SendOutcome> {
    if (this.socket.destroyed) return Promise.resolve('closed');
    this.socket.write(Buffer.concat([bytes, Buffer.from('\n')]));
    return new Promise((tell) => this.#waiting.push(tell));
  }
  async sendGarbage(): Promise<void> {
    this.socket.write(Buffer.from([0, 255, 10, 10, 200, 13, 10, 1]));
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
}

function toldBy(line: string): SendOutcome {
  const { ok, retry_after_ms: later } = JSON.parse(line) as Record<string, unknown>;
  if (ok === true) return 'ack';
  return later === undefined ? 'refused' : 'retry';
}

/** Tally knows no credentials: whoever reaches the port may send. */
export const driver: TransportDriver = {
  async connect({ transport }) {
    const socket = connect((transport as TallyTransport).port, '127.0.0.1');
    await once(socket, 'connect');
    return new TallyClient(socket);
  },
};
