import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import {
  type Caller,
  type CommandPort,
  defineTransport,
  type Ingest,
  type IngestAnswer,
  type Plugin,
  type PluginContext,
  type Transport,
} from '../../../src/spi/index.js';

/** A way to be wrong that transports have been wrong in. */
export type Fault =
  | 'acknowledges before the commit'
  | 'acknowledges what is to be sent again'
  | 'acknowledges what failed'
  | 'acknowledges a refusal and forgets it'
  | 'says nothing of a refusal'
  | 'says nothing of a rejected reading'
  | 'answers the wrong sender'
  | 'writes the message anew'
  | 'vouches for strangers'
  | 'dies of garbage'
  | 'has no limit'
  | 'drops what is under way at stop'
  | 'takes messages after stop'
  | 'waits for silent devices at stop'
  | 'is ready for ever'
  | 'stops only when started'
  | 'shares its state'
  | 'asks nobody who it is'
  | 'trusts whom it knew once'
  | 'lets in whom it cannot ask about'
  | 'acknowledges answers before they are kept'
  | 'acknowledges answers that were not kept'
  | 'sends commands to everybody'
  | 'says sent whoever is there'
  | 'believes an answer'
  | 'forgets a command it sent'
  | 'takes any configuration';

export const MAX_BYTES = 65_536;
const shared: { ingest?: Ingest } = {};

interface Connection {
  readonly socket: Socket;
  caller: Caller | undefined;
  readonly underWay: Set<Promise<void>>;
}

/** `AUTH key`, `SEND n base64`, `ANSWER n base64`; told: `IN`, `ACK n`, `REFUSED n code`, `RETRY n`, `COMMAND json`. Sound, but for one fault. */
export class LineTransport implements Transport {
  readonly #connections = new Set<Connection>();
  readonly #sent = new Set<string>();
  #server: Server | undefined;
  #stopped: Promise<void> | undefined;
  #ingest: Ingest | undefined;

  constructor(
    private readonly context: PluginContext,
    private readonly fault: Fault | undefined,
  ) {}

  get port(): number {
    return (this.#server?.address() as AddressInfo | undefined)?.port ?? 0;
  }

  async start(ingest: Ingest): Promise<void> {
    this.#ingest = ingest;
    shared.ingest ??= ingest;
    const server = createServer((socket) => void this.#serve(socket).catch(() => socket.destroy()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#drain();
    return this.#stopped;
  }
  async #drain(): Promise<void> {
    const server = this.#server;
    if (!server && this.fault === 'stops only when started') throw new Error('not started');
    if (this.fault === 'takes messages after stop') server?.unref();
    if (!server || this.fault === 'takes messages after stop') return;
    const closed = once(server, 'close');
    server.close();
    for (const { socket, underWay } of this.#connections) {
      if (this.fault === 'drops what is under way at stop') socket.destroy();
      else if (this.fault !== 'waits for silent devices at stop')
        void Promise.allSettled(underWay).then(() => socket.destroySoon());
    }
    await closed;
  }

  async health() {
    const ready = this.#server !== undefined && this.#stopped === undefined;
    return { live: true, ready: ready || this.fault === 'is ready for ever' };
  }

  readonly commands: CommandPort = {
    send: async (command) => {
      const { id, nonce, name, device } = command;
      if (this.#sent.has(id) && this.fault === 'forgets a command it sent') return 'sent';
      this.#sent.add(id);
      const everybody = this.fault === 'sends commands to everybody';
      const reached = [...this.#connections].filter(
        ({ caller }) => everybody || caller?.meterIds?.includes(device),
      );
      for (const { socket } of reached)
        socket.write(`COMMAND ${JSON.stringify({ id, nonce, name })}\n`);
      return reached.length > 0 || this.fault === 'says sent whoever is there'
        ? 'sent'
        : 'unreachable';
    },
  };

  async #serve(socket: Socket): Promise<void> {
    const connection: Connection = { socket, caller: undefined, underWay: new Set() };
    this.#connections.add(connection);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(connection));
    for await (const line of createInterface(socket)) {
      if (this.#stopped !== undefined && this.fault !== 'takes messages after stop') break;
      const [verb, number, text] = line.split(' ');
      if (verb === 'AUTH') await this.#admit(connection, number ?? '');
      else if (connection.caller === undefined || (verb !== 'SEND' && verb !== 'ANSWER')) {
        // What an error that nobody catches does to a process.
        if (this.fault === 'dies of garbage')
          for (const other of this.#connections) other.socket.destroy();
        socket.destroy();
      } else {
        const bytes = new Uint8Array(Buffer.from(text ?? '', 'base64'));
        const taken = (
          verb === 'SEND' ? this.#take(connection, bytes) : this.#answered(connection, bytes)
        ).then((told) => this.#tell(connection, number ?? '', told));
        connection.underWay.add(taken);
        void taken.finally(() => connection.underWay.delete(taken));
      }
    }
  }

  async #admit(connection: Connection, key: string): Promise<void> {
    const known = { kind: 'device', id: 'meter-1', accountId: 'acc_1', scopes: [] } as const;
    try {
      connection.caller = await this.context.callers?.authenticate({ kind: 'api-key', key });
    } catch {
      if (this.fault === 'lets in whom it cannot ask about') connection.caller = known;
    }
    if (this.fault === 'asks nobody who it is') connection.caller ??= known;
    if (connection.caller) connection.socket.write('IN\n');
    else connection.socket.destroySoon();
  }

  async #take(connection: Connection, bytes: Uint8Array): Promise<string> {
    const caller = connection.caller as Caller;
    const trusting =
      this.fault === 'trusts whom it knew once' ||
      this.fault === 'asks nobody who it is' ||
      this.fault === 'lets in whom it cannot ask about';
    if (!trusting && !(await this.context.callers?.isValid(caller))) return 'REFUSED revoked';
    if (bytes.length > MAX_BYTES && this.fault !== 'has no limit') return 'REFUSED too_long';
    const handedIn = this.fault === 'writes the message anew' ? writtenAnew(bytes) : bytes;
    const ingest = this.fault === 'shares its state' ? shared.ingest : this.#ingest;
    const accepting = (ingest as Ingest).accept({
      contentType: 'application/json',
      bytes: handedIn,
      assurance: 'transport',
      ...(this.fault === 'vouches for strangers' ? {} : { caller }),
    });
    if (this.fault === 'acknowledges before the commit') {
      accepting.catch(() => {});
      return 'ACK';
    }
    try {
      return this.#wordFor(await accepting);
    } catch {
      return this.fault === 'acknowledges what failed' ? 'ACK' : 'RETRY';
    }
  }

  #wordFor(answer: IngestAnswer): string {
    if (answer.kind === 'retry')
      return this.fault === 'acknowledges what is to be sent again' ? 'ACK' : 'RETRY';
    if (answer.kind === 'items') {
      const rejected = answer.items.some(({ verdict }) => verdict === 'rejected');
      return rejected && this.fault === 'says nothing of a rejected reading' ? '' : 'ACK';
    }
    if (this.fault === 'says nothing of a refusal') return '';
    if (this.fault === 'acknowledges a refusal and forgets it') return 'ACK';
    return `REFUSED ${answer.code}`;
  }

  async #answered(connection: Connection, bytes: Uint8Array): Promise<string> {
    const device = this.fault === 'believes an answer' ? 'meter-1' : (connection.caller?.id ?? '');
    const keeping = this.context.desk?.answered(device, bytes);
    if (this.fault === 'acknowledges answers before they are kept') {
      keeping?.catch(() => {});
      return 'ACK';
    }
    try {
      await keeping;
      return 'ACK';
    } catch {
      return this.fault === 'acknowledges answers that were not kept' ? 'ACK' : 'RETRY';
    }
  }

  #tell(connection: Connection, number: string, told: string): void {
    const [first] = this.#connections;
    const { socket } = this.fault === 'answers the wrong sender' && first ? first : connection;
    if (told === '' || !socket.writable) return;
    const [word, ...rest] = told.split(' ');
    socket.write(`${[word, number, ...rest].join(' ')}\n`);
  }
}

function writtenAnew(bytes: Uint8Array): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(Buffer.from(bytes).toString())));
  } catch {
    return bytes;
  }
}

export function lineTransport(fault?: Fault): Plugin<'transport'> {
  return defineTransport({
    name: 'line',
    config: fault === 'takes any configuration' ? z.object({}) : z.strictObject({}),
    capabilities: {
      protocol: 'line',
      commands: true,
      needs: { callers: true, desk: true },
    },
    create: (_config, context) => new LineTransport(context, fault),
  });
}
