import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { type Acknowledgement, Acknowledgements } from './acknowledgements.js';
import type { ClientConfig } from './client.config.js';
import { ClientError } from './client-error.js';
import { Outgoing } from './outgoing.js';
import { ReplyLimit } from './reply-limit.js';
import { sendPacket } from './send-packet.js';
import type { Timers } from './timers.js';

/** MQTT 5.0, 3.14.2.1: implementation specific error. "Server busy" (0x89) is a server's word and not ours to say. */
const IMPLEMENTATION_ERROR = 0x83;
/** MQTT 5.0, 3.8.3.1: retained messages only for a subscription that is new. */
const RETAINED_WHEN_NEW = 1;
const DEFERRED = new Error('acknowledged after the commit');

export interface ConnectionEvents {
  /** Connected and subscribed. */
  ready(): void;
  /** The session at the broker was not there: what it held for us is gone, or it is new. */
  sessionIsNew(): void;
  /** Nothing more is read until `next` is called. */
  message(packet: IPublishPacket, next: () => void): void;
  /** Once, at the end, whoever ended it. */
  closed(error: Error | undefined): void;
}

/** One connection to the broker, from CONNECT to its end. Its packet ids and acknowledgements die with it. */
export class BrokerConnection {
  readonly #client: MqttClient;
  readonly #replyLimit: ReplyLimit;
  readonly #acks: Acknowledgements;
  readonly #outgoing: Outgoing;
  readonly #ended = Promise.withResolvers<void>();
  #error: Error | undefined;
  #state: 'opening' | 'ready' | 'dropped' | 'closed' = 'opening';

  constructor(
    url: string,
    private readonly options: IClientOptions,
    private readonly filters: readonly string[],
    private readonly limits: Pick<
      ClientConfig,
      'maxOutgoing' | 'ackOrderMs' | 'connectTimeoutMs' | 'outgoingTimeoutMs'
    >,
    timers: Timers,
    private readonly events: ConnectionEvents,
  ) {
    this.#client = connect(url, { ...options });
    this.#replyLimit = new ReplyLimit(timers, (error) => {
      this.#error ??= error;
      this.drop();
    });
    this.#acks = new Acknowledgements({
      client: this.#client,
      version: options.protocolVersion,
      ackOrderMs: limits.ackOrderMs,
      timers,
      hasEnded: () => this.#hasEnded,
    });
    this.#outgoing = new Outgoing(this.#client, limits, this.#replyLimit, () => this.isReady);
    this.#listen();
  }

  open(): void {
    try {
      this.#client.connect();
    } catch (error) {
      this.#finish(error as Error);
    }
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  get #hasEnded(): boolean {
    return this.#state === 'closed' || this.#state === 'dropped';
  }

  #listen(): void {
    const client = this.#client;
    client.on('error', (error) => {
      this.#error ??= error;
      // A refusal, or something that is not MQTT: mqtt.js leaves it to the broker to hang up, and some do not.
      this.drop();
    });
    client.on('disconnect', ({ reasonCode }) => {
      this.#error ??= new ClientError(
        'broker_closed',
        `The broker ended the connection, reason 0x${(reasonCode ?? 0).toString(16)}${reasonCode === 0x8e ? ': another client uses this clientId' : ''}.`,
      );
    });
    client.on('close', () => this.#finish(undefined));
    client.on('connect', ({ sessionPresent, properties }) => {
      if (!sessionPresent) this.events.sessionIsNew();
      const maxPacketBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      const receiveMaximum = properties?.receiveMaximum ?? Number.POSITIVE_INFINITY;
      this.#acks.maxPacketBytes = maxPacketBytes;
      this.#outgoing.limitTo({ receiveMaximum, maxPacketBytes });
      this.#subscribe();
    });
    // Runs for one packet at a time; an error keeps mqtt.js from acknowledging and lets it go on with the next.
    client.handleMessage = (packet, done) => {
      if (this.#hasEnded) return done(DEFERRED);
      const { qos, messageId } = packet;
      if (qos === 1 && !this.#acks.expect(messageId!)) return done(DEFERRED);
      // Of QoS 2 the broker is rid already; what completes it is the callback.
      this.#replyLimit.isHeldUp = true;
      this.events.message(packet, () => {
        this.#replyLimit.isHeldUp = false;
        done(qos === 2 ? undefined : DEFERRED);
      });
    };
  }

  #subscribe(): void {
    this.#replyLimit.expect('SUBACK', this.limits.connectTimeoutMs);
    const { protocolVersion } = this.options;
    const wanted = protocolVersion === 5 ? { qos: 1, rh: RETAINED_WHEN_NEW } : { qos: 1 };
    const subscriptions = Object.fromEntries(this.filters.map((filter) => [filter, wanted]));
    this.#client.subscribe(
      subscriptions as Parameters<MqttClient['subscribe']>[0],
      (error, granted) => {
        const less = granted?.find(({ qos }) => qos !== 1)?.topic;
        if (!error && less === undefined) {
          if (this.#state !== 'opening') return;
          this.#replyLimit.forget();
          this.#state = 'ready';
          this.events.ready();
          return;
        }
        this.#error ??= new ClientError(
          'subscription_refused',
          `The broker does not grant QoS 1 on ${less ?? this.filters.join(', ')}: allow this client to subscribe.`,
          { cause: error },
        );
        this.drop();
      },
    );
  }

  /**
   * PUBACK, in the order the messages came; one that takes long holds up the others no longer than `ackOrderMs`. Nothing happens on a
   * connection that has ended.
   */
  acknowledge(messageId: number, ack: Acknowledgement): void {
    this.#acks.give(messageId, ack);
  }

  /** `unreachable`: nobody subscribes (MQTT 5 says so), or the connection ended before the broker had it. */
  publish(...message: Parameters<Outgoing['publish']>): Promise<'sent' | 'unreachable'> {
    return this.#outgoing.publish(...message);
  }

  /** Our own messages that the broker has not confirmed. */
  get outgoing(): number {
    return this.#outgoing.size;
  }

  /** Resolves when the broker has confirmed all of our own messages, or the connection has ended. */
  get idle(): Promise<void> {
    return this.#outgoing.idle;
  }

  /** Ends the connection at once. The broker keeps the session, and sends again what was not acknowledged. */
  drop(): void {
    if (this.#hasEnded) return;
    const client = this.#client;
    this.#state = 'dropped';
    if (this.options.protocolVersion === 5 && client.connected)
      sendPacket(client, { cmd: 'disconnect', reasonCode: IMPLEMENTATION_ERROR });
    // mqtt.js writes a packet in the next tick. Streams that were never made end here.
    if (client.stream === undefined) this.#finish(undefined);
    else setImmediate(() => client.stream.destroy());
  }

  /** Says goodbye and ends. The session stays. Resolves when the connection has ended. */
  end(): Promise<void> {
    if (this.#state === 'ready') this.#client.end();
    else this.drop();
    return this.#ended.promise;
  }

  #finish(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#acks.close();
    this.#replyLimit.forget();
    this.#outgoing.close();
    this.#ended.resolve();
    this.events.closed(this.#error ?? error);
  }
}
