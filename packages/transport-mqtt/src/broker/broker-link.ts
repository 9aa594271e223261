import type { Duplex } from 'node:stream';
import type { Health, PluginContext } from '@wattproof/core/spi';
import type { Link, TakeMessage } from '../link.js';
import type { MonotonicClock } from '../monotonic-clock.js';
import type { TopicMaps } from '../topics/topic-maps.js';
import { Broker } from './broker.js';
import type { BrokerConfig } from './broker.config.js';
import { BrokerError } from './broker-error.js';
import { Connection } from './connection.js';
import { Listeners } from './listeners.js';
import { acceptFromHost } from './web-sockets.js';

const CHECK_MS = 1_000;

/** The gateway as the broker that devices connect to. */
export class BrokerLink implements Link {
  #broker: Broker | undefined;
  #listeners: Listeners | undefined;
  #checks: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;
  #drained = false;

  constructor(
    private readonly config: BrokerConfig,
    private readonly maps: TopicMaps,
    private readonly context: PluginContext,
    private readonly maxMessageBytes: number,
    private readonly monotonic: MonotonicClock,
  ) {
    this.#claimPath();
  }

  async open(take: TakeMessage): Promise<void> {
    const { config, context } = this;
    const broker = new Broker(
      config,
      this.maps,
      context,
      take,
      this.maxMessageBytes,
      this.monotonic,
    );
    const listeners = new Listeners(
      config,
      broker.admission,
      (stream, origin) => {
        broker.connections.add(new Connection(broker, stream, origin));
      },
      (code) => broker.count(code),
    );
    await broker.open();
    try {
      await listeners.open();
    } catch (error) {
      await broker.close();
      throw error;
    }
    this.#broker = broker;
    this.#listeners = listeners;
    this.#checks = setInterval(() => broker.check(), CHECK_MS);
    this.#checks.unref();
    if (config.port !== null && !isLoopback(config.host))
      context.logger.warn(
        'Devices can connect without TLS from other machines: their keys can be read on the way. Use listen.tls, and listen.port: null.',
        { host: config.host },
      );
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async publish(
    topic: string,
    payload: Uint8Array | string,
    { qos, signal }: { readonly qos: 0 | 1; readonly signal?: AbortSignal },
  ): Promise<'sent' | 'unreachable'> {
    signal?.throwIfAborted();
    if (this.#broker === undefined || this.#drained) return 'unreachable';
    return this.#broker.publish(topic, Buffer.from(payload as Uint8Array), qos);
  }

  health(): Health {
    const ports = this.#listeners?.ports;
    const broker = this.#broker;
    if (broker === undefined || ports === undefined || this.#closed !== undefined)
      return { live: true, ready: false, detail: 'The embedded broker does not listen.' };
    return {
      live: true,
      ready: true,
      facts: {
        mode: 'broker',
        host: this.config.host,
        listens: this.#addresses(ports).join(', '),
        ...Object.fromEntries([...ports].map(([name, port]) => [`${name}Port`, port])),
        connections: broker.connections.size,
        partialBytes: broker.partialBytes,
        readAheadBytes: broker.readAheadBytes,
        inFlightBytes: broker.inFlightBytes,
        sessions: broker.sessions.count,
        wills: broker.wills,
        connectsRefused: broker.admission.refused,
        messagesNotQueued: broker.sessions.dropped,
        ...Object.fromEntries([...broker.counts].map(([code, count]) => [`count_${code}`, count])),
      },
    };
  }

  /** What takes too long is found once a second; tests need not wait for it. */
  check(): void {
    this.#broker?.check();
  }

  /** Where devices connect, as an operator would write it down. */
  #addresses(ports: Listeners['ports']): readonly string[] {
    const { host, websocket } = this.config;
    const shown = host.includes(':') ? `[${host}]` : host;
    return [
      ...[...ports].map(([name, port]) => `${name}://${shown}:${port}`),
      ...(websocket?.path === undefined ? [] : [`WebSocket on ${websocket.path}`]),
    ];
  }

  /** Before anything runs: the gateway asks for paths once. */
  #claimPath(): void {
    const path = this.config.websocket?.path;
    if (path === undefined) return;
    const { http } = this.context;
    if (http === undefined)
      throw new BrokerError(
        'websocket_unusable',
        'listen.websocket.path needs a gateway that serves HTTP. Leave it out, or give a port.',
      );
    const admit = (address: string, socket: Duplex): boolean => {
      const admission = this.#closed === undefined ? this.#broker?.admission : undefined;
      if (admission?.enter(address) !== 'welcome') return false;
      socket.once('close', () => admission.leave());
      return true;
    };
    acceptFromHost(
      http,
      path,
      this.config,
      admit,
      (stream, origin) => {
        this.#broker?.connections.add(new Connection(this.#broker, stream, origin));
      },
      (code) => this.#broker?.count(code),
    );
  }

  async #close(): Promise<void> {
    clearInterval(this.#checks);
    this.#listeners?.shut();
    await this.#broker?.drain();
    this.#drained = true;
    await this.#broker?.close();
    await this.#listeners?.close();
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
