import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import type { PubackReason } from '../link.js';
import { AckOrder } from '../ack-order.js';
import type { ClientConfig } from './client.config.js';
import { ClientError } from './client-error.js';
import type { Timers } from './timers.js';

/** MQTT 5.0, 3.14.2.1: implementation specific error. "Server busy" (0x89) is a server's word and not ours to say. */
const IMPLEMENTATION_ERROR = 0x83;
/** MQTT 5.0, 3.4.2.1: the PUBLISH was taken, and nobody subscribes to its topic. */
const NO_MATCHING_SUBSCRIBERS = 0x10;
/** MQTT 5.0, 3.8.3.1: retained messages only for a subscription that is new. */
const RETAINED_WHEN_NEW = 1;
/** What a packet has besides its topic, payload and properties, and a user property besides its words, at most, in bytes. */
const [PACKET_HEAD_BYTES, PROPERTY_HEAD_BYTES] = [16, 5];
const DEFERRED = new Error('acknowledged after the commit');

export interface Acknowledgement {
  readonly reasonCode: PubackReason;
  readonly properties?: Readonly<Record<string, string>>;
}

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

/** What mqtt.js 5.16 does not offer publicly; the version is pinned for it. */
interface SendsPackets {
  _sendPacket(packet: object): void;
}

/** One connection to the broker, from CONNECT to its end. Its packet ids and acknowledgements die with it. */
export class BrokerConnection {
  readonly #client: MqttClient;
  readonly #acks = new AckOrder<Acknowledgement>();
  /** Publishes that wait for their PUBACK, and those that wait to be sent. */
  readonly #unanswered = new Set<() => void>();
  readonly #unsent = new Set<() => void>();
  readonly #unmatched = new Set<number>();
  readonly #whenIdle: (() => void)[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #cancelPass: (() => void) | undefined;
  /** What the broker owes us has a limit of time. */
  #forgetLimit: (() => void) | undefined;
  /** Nothing is read, for a reason of ours: that the broker is not heard says nothing of it. */
  #isHeldUp = false;
  #maxUnanswered: number;
  /** Of the largest packet the broker takes. */
  #maxPacketBytes = Number.POSITIVE_INFINITY;
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
    private readonly timers: Timers,
    private readonly events: ConnectionEvents,
  ) {
    this.#maxUnanswered = limits.maxOutgoing;
    this.#client = connect(url, { ...options });
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
      this.#maxUnanswered = Math.min(
        this.#maxUnanswered,
        properties?.receiveMaximum ?? Number.MAX_SAFE_INTEGER,
      );
      this.#maxPacketBytes = properties?.maximumPacketSize ?? this.#maxPacketBytes;
      this.#subscribe();
    });
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback' && packet.reasonCode === NO_MATCHING_SUBSCRIBERS)
        this.#unmatched.add(packet.messageId!);
    });
    // Runs for one packet at a time; an error keeps mqtt.js from acknowledging and lets it go on with the next.
    client.handleMessage = (packet, done) => {
      if (this.#state === 'closed' || this.#state === 'dropped') return done(DEFERRED);
      const { qos, messageId } = packet;
      if (qos === 1 && !this.#acks.expect(messageId!)) return done(DEFERRED);
      // Of QoS 2 the broker is rid already; what completes it is the callback.
      this.#isHeldUp = true;
      this.events.message(packet, () => {
        this.#isHeldUp = false;
        done(qos === 2 ? undefined : DEFERRED);
      });
    };
  }

  /** Ends the connection unless the broker says `what` in time. */
  #expect(what: string, withinMs: number): void {
    this.#forgetLimit?.();
    this.#forgetLimit = this.timers.after(withinMs, () => {
      if (this.#isHeldUp) return this.#expect(what, withinMs);
      this.#error ??= new ClientError(
        'broker_silent',
        `The broker has sent no ${what} for ${withinMs} ms.`,
      );
      this.drop();
    });
  }

  #subscribe(): void {
    this.#expect('SUBACK', this.limits.connectTimeoutMs);
    const { protocolVersion } = this.options;
    const wanted = protocolVersion === 5 ? { qos: 1, rh: RETAINED_WHEN_NEW } : { qos: 1 };
    const subscriptions = Object.fromEntries(this.filters.map((filter) => [filter, wanted]));
    this.#client.subscribe(
      subscriptions as Parameters<MqttClient['subscribe']>[0],
      (error, granted) => {
        const less = granted?.find(({ qos }) => qos !== 1)?.topic;
        if (!error && less === undefined) {
          if (this.#state !== 'opening') return;
          this.#forgetLimit?.();
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
    this.#puback(this.#acks.settle(messageId, ack));
    if (this.#acks.blocked > 0)
      this.#cancelPass ??= this.timers.after(this.limits.ackOrderMs, () => {
        this.#cancelPass = undefined;
        this.#puback(this.#acks.pass());
      });
  }

  #puback(acks: readonly (readonly [id: number, ack: Acknowledgement])[]): void {
    if (this.#state === 'closed' || this.#state === 'dropped' || !this.#client.connected) return;
    for (const [messageId, { reasonCode, properties }] of acks) {
      const told =
        this.options.protocolVersion === 5
          ? {
              reasonCode,
              ...(properties !== undefined && this.#fits(properties)
                ? { properties: { userProperties: properties } }
                : {}),
            }
          : {};
      (this.#client as unknown as SendsPackets)._sendPacket({ cmd: 'puback', messageId, ...told });
    }
  }

  /** User properties never make a packet larger than the broker takes (MQTT 5.0, 3.4.2.2.3). */
  #fits(properties: Readonly<Record<string, string>>): boolean {
    const bytes = Object.entries(properties)
      .flat()
      .map((word) => Buffer.byteLength(word));
    const heads = PACKET_HEAD_BYTES + (bytes.length / 2) * PROPERTY_HEAD_BYTES;
    return heads + bytes.reduce((sum, one) => sum + one, 0) <= this.#maxPacketBytes;
  }

  /** `unreachable`: nobody subscribes (MQTT 5 says so), or the connection ended before the broker had it. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    qos: 0 | 1,
    signal: AbortSignal | undefined,
  ): Promise<'sent' | 'unreachable'> {
    const { promise, resolve, reject } = Promise.withResolvers<'sent' | 'unreachable'>();
    const send = (): void => {
      const size = PACKET_HEAD_BYTES + Buffer.byteLength(topic) + Buffer.byteLength(payload);
      if (size > this.#maxPacketBytes) {
        const detail = `A message of ${size} bytes for "${topic}"; the broker takes ${this.#maxPacketBytes}.`;
        reject(new ClientError('publish_too_large', detail));
        return this.#sendNext();
      }
      const lost = (): void => resolve('unreachable');
      if (this.#unanswered.size === 0) this.#expect('PUBACK', this.limits.outgoingTimeoutMs);
      this.#unanswered.add(lost);
      const bytes = typeof payload === 'string' ? payload : Buffer.from(payload);
      this.#client.publish(topic, bytes, { qos }, (error, packet) => {
        this.#unanswered.delete(lost);
        const id = packet && 'messageId' in packet ? packet.messageId : undefined;
        if (error)
          reject(
            new ClientError('publish_refused', `The broker does not take "${topic}".`, {
              cause: error,
            }),
          );
        else resolve(id !== undefined && this.#unmatched.delete(id) ? 'unreachable' : 'sent');
        this.#confirmed();
      });
    };
    const queued = (): void => (this.#state === 'ready' ? send() : resolve('unreachable'));
    if (this.#state !== 'ready') resolve('unreachable');
    else if (this.#unanswered.size < this.#maxUnanswered) send();
    else this.#unsent.add(queued);
    const giveUp = (): void => {
      this.#unsent.delete(queued);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', giveUp));
  }

  #confirmed(): void {
    if (this.#unanswered.size > 0) this.#expect('PUBACK', this.limits.outgoingTimeoutMs);
    else this.#forgetLimit?.();
    this.#sendNext();
  }

  #sendNext(): void {
    const [next] = this.#unsent;
    if (next !== undefined && this.#unanswered.size < this.#maxUnanswered) {
      this.#unsent.delete(next);
      next();
    }
    this.#tellIdle();
  }

  /** Our own messages that the broker has not confirmed. */
  get outgoing(): number {
    return this.#unanswered.size + this.#unsent.size;
  }

  /** Resolves when the broker has confirmed all of our own messages, or the connection has ended. */
  get idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.outgoing > 0 && this.#state !== 'closed') return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Ends the connection at once. The broker keeps the session, and sends again what was not acknowledged. */
  drop(): void {
    if (this.#state === 'closed' || this.#state === 'dropped') return;
    const client = this.#client;
    this.#state = 'dropped';
    if (this.options.protocolVersion === 5 && client.connected)
      (client as unknown as SendsPackets)._sendPacket({
        cmd: 'disconnect',
        reasonCode: IMPLEMENTATION_ERROR,
      });
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
    this.#cancelPass?.();
    this.#forgetLimit?.();
    for (const lost of this.#unanswered) lost();
    for (const send of this.#unsent) send();
    this.#unsent.clear();
    this.#tellIdle();
    this.#ended.resolve();
    this.events.closed(this.#error ?? error);
  }
}
