import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { AnsweredItem } from '@wattproof/core/testing';
import type { ConnectDevice, DeviceLink } from './device-link.js';

type Told = { readonly type: string; readonly id?: string | null } & Record<string, unknown>;

/** Devices on `/ws` with an API key; a message is kept until its `ack`. */
export const wsLink: ConnectDevice = async (_member, { port, apiKey }) =>
  new WsLink(`ws://127.0.0.1:${port}/ws`, apiKey);

class WsLink implements DeviceLink {
  #socket: WebSocket | undefined;
  #numbered = 0;

  constructor(
    private readonly url: string,
    private readonly apiKey: string,
  ) {}

  async send(body: string): Promise<readonly AnsweredItem[] | undefined> {
    const socket = await this.#connected();
    if (!socket) return undefined;
    const id = String((this.#numbered += 1));
    const told = await new Promise<Told | undefined>((resolve) => {
      socket.once('close', () => resolve(undefined));
      const hear = (data: Buffer): void => {
        const message = JSON.parse(data.toString()) as Told;
        if (message.id !== id) return;
        socket.off('message', hear);
        resolve(message);
      };
      socket.on('message', hear);
      socket.send(`{"type":"readings","id":"${id}","body":${body}}`);
    });
    if (told === undefined || told.type === 'retry') return undefined;
    if (told.type === 'ack') return told['items'] as readonly AnsweredItem[];
    throw new Error(`The gateway answered ${JSON.stringify(told)}`);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  }

  async #connected(): Promise<WebSocket | undefined> {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    const socket = new WebSocket(this.url, 'wattproof.v1', {
      headers: { 'x-api-key': this.apiKey },
    });
    this.#socket = socket;
    const open = await new Promise<boolean>((resolve) => {
      socket.once('open', () => resolve(true));
      socket.once('close', () => resolve(false));
      socket.on('error', () => resolve(false));
    });
    return open ? socket : undefined;
  }
}
