import type { Health, PluginContext } from '@wattproof/core/spi';
import type { IPublishPacket } from 'mqtt';
import type { Link, LinkMessage, TakeMessage } from '../link.js';
import { Backoff } from './backoff.js';
import { BrokerConnection } from './broker-connection.js';
import type { ClientConfig } from './client.config.js';
import { clientOptions } from './client-options.js';
import { Room } from './room.js';
import type { Timers } from './timers.js';

/** What our own messages may still take to reach the broker when the gateway stops. */
const STOP_MS = 2_000;
/** Least and most wait before a message that could not be kept is tried again. */
const RETRY_MS = { least: 20, most: 10_000 };

/**
 * The gateway as a client of somebody's broker. It connects when it can and keeps trying when it cannot: the broker holds what
 * arrives meanwhile. A message is acknowledged when it is committed, and on the connection it came over or never.
 */
export class ClientLink implements Link {
  readonly #room: Room;
  readonly #backoff: Backoff;
  readonly #underWay = new Set<Promise<void>>();
  readonly #firstAttempt = Promise.withResolvers<void>();
  readonly #stopping = Promise.withResolvers<void>();
  #take: TakeMessage | undefined;
  #connection: BrokerConnection | undefined;
  #cancelWait: (() => void) | undefined;
  /** How long the host wants to be left alone, when it was the reason to end a connection. */
  #restMs = 0;
  #problem: string | undefined;
  #closed: Promise<void> | undefined;
  #connections = 0;
  #sessions = 0;
  #lostQos0 = 0;

  constructor(
    private readonly url: string,
    private readonly config: ClientConfig,
    private readonly filters: readonly string[],
    private readonly context: PluginContext,
    private readonly timers: Timers,
    random: () => number,
  ) {
    this.#room = new Room(config.maxInFlight, config.maxInFlightBytes);
    this.#backoff = new Backoff(config.reconnectMinMs, config.reconnectMaxMs, random);
  }

  async open(take: TakeMessage): Promise<void> {
    clientOptions(this.config, this.context); // rejects now what could never connect
    this.#take = take;
    this.#connect();
    // A broker that is there is connected to before the gateway says that it has started; one that is not is not waited for.
    await this.#firstAttempt.promise;
  }

  #connect(): void {
    this.#cancelWait = undefined;
    this.#connections += 1;
    const { group } = this.config;
    const filters = this.filters.map((one) =>
      group === undefined ? one : `$share/${group}/${one}`,
    );
    const connection: BrokerConnection = new BrokerConnection(
      this.url,
      clientOptions(this.config, this.context),
      filters,
      this.config,
      this.timers,
      {
        ready: () => {
          this.#problem = undefined;
          this.#firstAttempt.resolve();
          this.context.logger.info('Connected to the broker.', { url: this.url });
        },
        sessionIsNew: () => (this.#sessions += 1),
        message: (packet, next) => this.#receive(connection, packet, next),
        closed: (error) => this.#reconnect(error),
      },
    );
    this.#connection = connection;
    connection.open();
  }

  #reconnect(error: Error | undefined): void {
    this.#connection = undefined;
    this.#firstAttempt.resolve();
    if (this.#closed !== undefined) return;
    const waitMs = Math.max(this.#backoff.nextMs(), this.#restMs);
    this.#restMs = 0;
    this.#problem = error?.message ?? this.#problem ?? 'the connection ended';
    this.context.logger.warn('Not connected to the broker.', {
      url: this.url,
      error: this.#problem,
      waitMs,
    });
    this.#cancelWait = this.timers.after(waitMs, () => this.#connect());
  }

  /** Nothing more is read from the broker until there is room. */
  #receive(connection: BrokerConnection, packet: IPublishPacket, next: () => void): void {
    // While stopping, the rest is left to the broker, but its answers to our own messages are still read.
    if (this.#closed !== undefined) return next();
    const bytes = packet.payload.length;
    this.#room.enter(bytes, () => {
      if (packet.qos !== 2) next();
      const taking = this.#process(connection, packet, next).finally(() => {
        this.#room.leave(bytes);
        this.#underWay.delete(taking);
      });
      this.#underWay.add(taking);
    });
  }

  async #process(
    connection: BrokerConnection,
    packet: IPublishPacket,
    next: () => void,
  ): Promise<void> {
    const { logger } = this.context;
    const sinceMs = this.timers.monotonicMs();
    // It waited for room, and its connection is gone: it comes again.
    if (connection !== this.#connection && packet.qos > 0) return;
    const message = messageOf(packet);
    for (;;) {
      const outcome = await this.#take!(message);
      if (outcome.kind === 'acknowledge') {
        this.#backoff.reset();
        if (packet.qos === 1) connection.acknowledge(packet.messageId!, outcome);
        else if (packet.qos === 2) next();
        return;
      }
      const hasTime =
        this.#closed === undefined && this.timers.monotonicMs() - sinceMs < this.config.withholdMs;
      if (!hasTime) {
        if (packet.qos === 0) {
          // The broker has forgotten it: nobody sends it again.
          this.#lostQos0 += 1;
          logger.warn('A message of QoS 0 was lost.', { topic: packet.topic, why: outcome.why });
        } else if (connection === this.#connection && this.#closed === undefined) {
          this.#restMs = Math.min(outcome.retryAfterMs, RETRY_MS.most);
          this.#problem = `messages are not taken: ${outcome.why}`;
          connection.drop();
        }
        return;
      }
      const waitMs = Math.min(Math.max(outcome.retryAfterMs, RETRY_MS.least), RETRY_MS.most);
      await Promise.race([this.#after(waitMs), this.#stopping.promise]);
      if (connection !== this.#connection && packet.qos > 0) return;
    }
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => void this.timers.after(ms, resolve));
  }

  async publish(
    topic: string,
    payload: Uint8Array | string,
    { qos, signal }: { readonly qos: 0 | 1; readonly signal?: AbortSignal },
  ): Promise<'sent' | 'unreachable'> {
    signal?.throwIfAborted();
    return (await this.#connection?.publish(topic, payload, qos, signal)) ?? 'unreachable';
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#cancelWait?.();
    this.#stopping.resolve();
    await Promise.race([Promise.all(this.#underWay), this.#after(this.config.drainMs)]);
    const connection = this.#connection;
    if (connection === undefined) return;
    const isTooLong = this.#after(STOP_MS);
    await Promise.race([connection.idle, isTooLong]);
    await Promise.race([connection.end(), isTooLong]);
    connection.drop();
  }

  health(): Health {
    const ready = this.#connection?.isReady === true && this.#closed === undefined;
    const detail = ready
      ? undefined
      : `Not connected to ${this.url}: ${this.#problem ?? 'connecting'}.`;
    return {
      live: true,
      ready,
      ...(detail === undefined ? {} : { detail }),
      facts: {
        mode: 'client',
        url: this.url,
        connections: this.#connections,
        newSessions: this.#sessions,
        inFlight: this.#room.count,
        inFlightBytes: this.#room.bytes,
        waiting: this.#room.waiting,
        outgoing: this.#connection?.outgoing ?? 0,
        lostQos0: this.#lostQos0,
      },
    };
  }
}

function messageOf({ topic, payload, qos, retain, dup, properties }: IPublishPacket): LinkMessage {
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retain,
    duplicate: dup,
    // A list, when a broker let somebody give it twice: it states nothing then.
    ...(typeof properties?.contentType === 'string' ? { contentType: properties.contentType } : {}),
    // Behind a broker a topic is all there is to tell senders apart.
    source: topic,
  };
}
