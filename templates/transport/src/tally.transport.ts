import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Health, Ingest, IngestAnswer, PluginContext, Transport } from '@wattproof/core/spi';
import { answerLine } from './answer-line.js';
import { LineTooLong, linesOf } from './line-reader.js';
import type { TallyConfig } from './tally.config.js';

/** How long a device is asked to wait when the gateway could not take its reading for a reason of its own. */
const RETRY_AFTER_MS = 5_000;

/** A connection, and the message of it that is being taken, if one is. */
interface Connection {
  readonly socket: Socket;
  underWay: Promise<void> | undefined;
}

/** One JSON text per line, one answer per line. Nothing is acknowledged before `accept` has resolved. */
export class TallyTransport implements Transport {
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly config: TallyConfig,
    private readonly context: PluginContext,
  ) {}

  async start(ingest: Ingest): Promise<void> {
    const server = createServer((socket) => void this.#serve(socket, ingest));
    server.listen(this.config.port, this.config.host);
    await once(server, 'listening'); // rejects when the port is taken
    this.#server = server;
    this.context.logger.info('Listening.', { instance: this.context.instanceId, port: this.port });
  }

  /** Takes nothing new, answers what is being taken, then closes. */
  stop(): Promise<void> {
    this.#stopped ??= this.#drain();
    return this.#stopped;
  }

  async #drain(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server && once(server, 'close');
    server?.close();
    for (const { socket, underWay } of this.#connections)
      void (underWay ?? Promise.resolve()).then(() => socket.destroySoon());
    await closed;
  }

  async health(): Promise<Health> {
    const ready = this.#server !== undefined;
    return { live: true, ready, facts: { connections: this.#connections.size } };
  }

  /** The port that is listened on, once started. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.config.port;
  }

  async #serve(socket: Socket, ingest: Ingest): Promise<void> {
    const connection: Connection = { socket, underWay: undefined };
    this.#connections.add(connection);
    // A broken connection ends the loop below; what it did not answer its device sends again.
    socket.on('error', () => socket.destroy());
    try {
      // The socket outlives the loop: what was written to it is still to be sent.
      const chunks = socket.iterator({ destroyOnReturn: false });
      for await (const line of linesOf(chunks, this.config.maxLineBytes)) {
        if (this.#stopped !== undefined) break;
        connection.underWay = this.#take(line, socket, ingest);
        await connection.underWay;
        connection.underWay = undefined;
      }
    } catch (error) {
      if (error instanceof LineTooLong)
        socket.write(answerLine({ kind: 'refused', code: 'too_long', detail: error.message }));
    } finally {
      this.#connections.delete(connection);
      socket.destroySoon();
    }
  }

  /** One message at a time per connection: a device that sends faster waits in its own socket. */
  async #take(bytes: Uint8Array, socket: Socket, ingest: Ingest): Promise<void> {
    let answer: IngestAnswer;
    try {
      answer = await ingest.accept({
        contentType: 'application/json',
        bytes,
        assurance: 'unsigned', // whoever reaches the port may send; only a signature says who it was
      });
    } catch (error) {
      this.context.logger.error('A message was not taken.', { error: String(error) });
      answer = { kind: 'retry', code: 'store_unavailable', retryAfterMs: RETRY_AFTER_MS };
    }
    if (socket.writable) socket.write(answerLine(answer));
  }
}
