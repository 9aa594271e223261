import type { MqttClient } from 'mqtt';
import type { ClientConfig } from './client.config.js';
import { ClientError } from './client-error.js';
import { publishBytes } from './packet-size.js';
import type { ReplyLimit } from './reply-limit.js';

/** MQTT 5.0, 3.4.2.1: the PUBLISH was taken, and nobody subscribes to its topic. */
const NO_MATCHING_SUBSCRIBERS = 0x10;

/** What the broker takes, as its CONNACK says. */
interface BrokerLimits {
  /** Messages without PUBACK at a time. */
  readonly receiveMaximum: number;
  readonly maxPacketBytes: number;
}

/** Our own messages on one connection, up to their PUBACKs: no more of them at a time than the broker takes. */
export class Outgoing {
  /** Publishes that wait for their PUBACK, and those that wait to be sent. */
  readonly #unanswered = new Set<() => void>();
  readonly #unsent = new Set<() => void>();
  readonly #unmatched = new Set<number>();
  readonly #whenIdle: (() => void)[] = [];
  #maxUnanswered: number;
  #maxPacketBytes = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(
    private readonly client: MqttClient,
    private readonly limits: Pick<ClientConfig, 'maxOutgoing' | 'outgoingTimeoutMs'>,
    private readonly replyLimit: ReplyLimit,
    private readonly isReady: () => boolean,
  ) {
    this.#maxUnanswered = limits.maxOutgoing;
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback' && packet.reasonCode === NO_MATCHING_SUBSCRIBERS)
        this.#unmatched.add(packet.messageId!);
    });
  }

  limitTo({ receiveMaximum, maxPacketBytes }: BrokerLimits): void {
    this.#maxUnanswered = Math.min(this.#maxUnanswered, receiveMaximum);
    this.#maxPacketBytes = maxPacketBytes;
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
      const size = publishBytes(topic, payload);
      if (size > this.#maxPacketBytes) {
        const detail = `A message of ${size} bytes for "${topic}"; the broker takes ${this.#maxPacketBytes}.`;
        reject(new ClientError('publish_too_large', detail));
        return this.#sendNext();
      }
      const lost = (): void => resolve('unreachable');
      if (this.#unanswered.size === 0) this.#expectPuback();
      this.#unanswered.add(lost);
      const bytes = typeof payload === 'string' ? payload : Buffer.from(payload);
      this.client.publish(topic, bytes, { qos }, (error, packet) => {
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
    const queued = (): void => (this.isReady() ? send() : resolve('unreachable'));
    if (!this.isReady()) resolve('unreachable');
    else if (this.#unanswered.size < this.#maxUnanswered) send();
    else this.#unsent.add(queued);
    const giveUp = (): void => {
      this.#unsent.delete(queued);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', giveUp));
  }

  #expectPuback(): void {
    this.replyLimit.expect('PUBACK', this.limits.outgoingTimeoutMs);
  }

  #confirmed(): void {
    if (this.#unanswered.size > 0) this.#expectPuback();
    else this.replyLimit.forget();
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

  /** Those that the broker has not confirmed. */
  get size(): number {
    return this.#unanswered.size + this.#unsent.size;
  }

  /** Resolves when the broker has confirmed all of them, or the connection has ended. */
  get idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.size > 0 && !this.#isClosed) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** The connection has ended, and is not ready any more: what waits is `unreachable`. */
  close(): void {
    this.#isClosed = true;
    for (const lost of this.#unanswered) lost();
    for (const send of this.#unsent) send();
    this.#unsent.clear();
    this.#tellIdle();
  }
}
