import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Admission } from './admission.js';
import type { BrokerConfig } from './broker.config.js';
import { BrokerError } from './broker-error.js';
import type { Origin } from './connection.js';
import { addressOf, certificateOf } from './peer.js';
import { checkTlsMaterial } from '../tls-material.js';
import { acceptWebSockets } from './web-sockets.js';

type Accept = (stream: Duplex, origin: Origin) => void;

/** Dead connections of devices that ask for no keep alive are found by the system, after this. */
const TCP_KEEP_ALIVE_MS = 60_000;
/** How often it is looked who has not asked for a WebSocket in time. */
const HANDSHAKE_CHECK_MS = 1_000;
/** Connections that came too fast and wait to be told so; more than these are cut off without a word. */
const TOLD_AT_ONCE = 1_000;

/** The doors that are open, and what is behind them. */
export class Listeners {
  readonly #servers: (Server | HttpServer)[] = [];
  readonly #sockets = new Set<Socket>();
  #told = 0;
  /** `mqtt`, `mqtts` and `ws`, with their ports. */
  readonly ports = new Map<'mqtt' | 'mqtts' | 'ws' | 'wss', number>();

  constructor(
    private readonly config: BrokerConfig,
    private readonly admission: Admission,
    private readonly accept: Accept,
    private readonly refused: (code: string) => void,
  ) {}

  async open(): Promise<void> {
    const { port, whenTaken, tls, websocket } = this.config;
    checkTls(tls);
    try {
      if (port !== null) await this.#openPlain(port, whenTaken);
      if (tls !== undefined) {
        const server = createTlsServer({
          ...this.#tlsOptions(tls),
          handshakeTimeout: this.config.limits.handshakeMs,
        });
        server.on('connection', (socket: Socket) => this.#admit(socket));
        server.on('secureConnection', (socket) =>
          this.accept(socket, { address: addressOf(socket), certificate: certificateOf(socket) }),
        );
        this.ports.set('mqtts', await this.#listen(server, tls.port));
      }
      if (websocket?.port !== undefined) {
        const secure = websocket.tls && tls !== undefined;
        const { handshakeMs } = this.config.limits;
        const patience = {
          headersTimeout: handshakeMs,
          requestTimeout: handshakeMs,
          connectionsCheckingInterval: Math.min(handshakeMs, HANDSHAKE_CHECK_MS),
        };
        const server = secure
          ? createHttpsServer({
              ...patience,
              ...this.#tlsOptions(tls),
              handshakeTimeout: handshakeMs,
            })
          : createHttpServer(patience);
        server.on('connection', (socket: Socket) => this.#admit(socket));
        acceptWebSockets(server, this.config, this.accept, this.refused);
        this.ports.set(secure ? 'wss' : 'ws', await this.#listen(server, websocket.port));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Nobody new comes in. */
  shut(): void {
    for (const server of this.#servers) server.close();
  }

  async close(): Promise<void> {
    const closed = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #openPlain(port: number, whenTaken: BrokerConfig['whenTaken']): Promise<void> {
    const server = createServer((socket) => {
      const admitted = this.#admit(socket, true);
      if (admitted !== undefined)
        this.accept(socket, { address: addressOf(socket), tooFast: admitted === 'fast' });
    });
    try {
      this.ports.set('mqtt', await this.#listen(server, port));
    } catch (error) {
      if (whenTaken === 'fail' || !(error instanceof BrokerError && error.code === 'port_taken'))
        throw error;
      this.ports.set('mqtt', await this.#listen(server, 0));
    }
  }

  /** Undefined: it has been cut off. `tell`: one that came too fast stays for a moment, to be told so. */
  #admit(socket: Socket, tell = false): 'welcome' | 'fast' | undefined {
    const verdict = this.admission.enter(addressOf(socket));
    socket.on('error', () => socket.destroy());
    const isTold = verdict === 'fast' && tell && this.#told < TOLD_AT_ONCE;
    if (verdict !== 'welcome' && !isTold) {
      socket.destroy();
      return undefined;
    }
    if (isTold) this.#told += 1;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (isTold) this.#told -= 1;
      else this.admission.leave();
    });
    return verdict;
  }

  #tlsOptions({
    cert,
    key,
    clientCa,
    clientCertificate,
  }: NonNullable<BrokerConfig['tls']>): TlsOptions {
    return {
      cert,
      key,
      ...(clientCa === undefined
        ? {}
        : {
            ca: clientCa,
            requestCert: true,
            rejectUnauthorized: clientCertificate === 'required',
          }),
    };
  }

  async #listen(server: Server | HttpServer, port: number): Promise<number> {
    const { host } = this.config;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE';
        reject(
          new BrokerError(
            taken ? 'port_taken' : 'listen_failed',
            taken
              ? `Port ${port} of ${host} is taken. Stop what listens there, or choose another port; 0 takes a free one.`
              : `Cannot listen on port ${port} of ${host}: ${error.message}.`,
            { cause: error },
          ),
        );
      });
      server.listen(port, host, resolve);
    });
    server.removeAllListeners('error');
    // Too many open files: who is connected stays so.
    server.on('error', () => {});
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }
}

function checkTls(tls: BrokerConfig['tls']): void {
  if (tls === undefined) return;
  try {
    checkTlsMaterial({ cert: tls.cert, key: tls.key, ca: tls.clientCa });
  } catch (cause) {
    throw new BrokerError(
      'tls_unusable',
      'listen.tls cannot be used: give PEM text in "cert" and "clientCa", and the key that belongs to the certificate.',
      { cause },
    );
  }
}
