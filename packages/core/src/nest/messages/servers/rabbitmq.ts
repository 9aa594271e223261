import { IncomingRequestDeserializer, type RmqOptions, ServerRMQ } from '@nestjs/microservices';
import { nestPacket } from '../nest-packet.js';
import { isSubject, SUBMIT_READINGS } from '../subjects.js';
import { UnderWay, within } from './under-way.js';

const CLOSE_WITHIN_MS = 2000;

/** What is used of amqplib; its types come with a package that is not ours to ask for. */
interface AmqpMessage {
  readonly content: Buffer;
  readonly properties: AmqpProperties;
}
interface AmqpProperties {
  readonly type?: string;
  readonly replyTo?: string;
  readonly correlationId?: string;
}
interface AmqpChannel {
  once(event: 'close', listener: () => void): void;
  consume(...given: unknown[]): Promise<unknown>;
  cancel(consumerTag: string): Promise<unknown>;
}

type Deserialized = ReturnType<IncomingRequestDeserializer['deserialize']>;

/** Packets from bodies as they came: what Nest hands over is parsed already, and numbers are then no longer what was sent. */
class AmqpBodies extends IncomingRequestDeserializer {
  private readonly bodies = new WeakMap<object, Buffer>();

  remember({ properties, content }: AmqpMessage): void {
    this.bodies.set(properties, content);
  }

  override deserialize(parsed: unknown, properties: Record<string, unknown>): Deserialized {
    const { type, replyTo, correlationId } = properties as AmqpProperties;
    const body = this.bodies.get(properties);
    if (body === undefined) throw new Error('a message whose body nobody remembered');
    const answerTo = (replyTo ?? '') === '' ? undefined : (correlationId ?? replyTo);
    // Senders without Nest name the subject as the type of the message, or say something else there, or nothing.
    const packet = nestPacket(body, isSubject(type) ? type : SUBMIT_READINGS, answerTo);
    if (!isSubject(packet.pattern)) return super.deserialize(parsed, properties);
    return packet as Deserialized;
  }
}

/**
 * Nest's RabbitMQ server. To acknowledge is the handlers' part; this one knows senders without Nest, comes back when its
 * channel or consumer is taken away, and ends what it began before it leaves.
 */
export class RabbitmqIngestServer extends ServerRMQ {
  private readonly underWay = new UnderWay();
  private readonly bodies: AmqpBodies;
  private readonly consumerTag: string;
  private current: AmqpChannel | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    options: NonNullable<RmqOptions['options']> & { readonly consumerTag: string },
    private readonly drainMs: number,
  ) {
    const bodies = new AmqpBodies();
    super({ ...options, noAck: false, deserializer: bodies });
    this.bodies = bodies;
    this.consumerTag = options.consumerTag;
  }

  override async setupChannel(
    ...[channel, callback]: Parameters<ServerRMQ['setupChannel']>
  ): Promise<void> {
    const opened = channel as AmqpChannel;
    this.current = opened;
    opened.once('close', () => {
      if (this.current === opened) this.connectAnew();
    });
    // Nest does not wait for the consumer: refused, or asked of a connection that ends meanwhile, it would end the process.
    const consume = opened.consume.bind(opened);
    let consumed: Promise<unknown> | undefined;
    opened.consume = (...given) => (consumed = consume(...given));
    try {
      await super.setupChannel(channel, () => undefined);
      await consumed;
    } catch (error) {
      // A refusal of the broker has a code; without one the connection ended, and the next one sets up a channel of its own.
      if (typeof (error as { readonly code?: unknown }).code === 'number') throw error;
      return;
    }
    callback();
  }

  override async handleMessage(
    message: Record<string, unknown> | null,
    channel: unknown,
  ): Promise<void> {
    // So it is told that the queue was deleted or is led by another node now.
    if (message === null) {
      this.connectAnew();
      return;
    }
    this.bodies.remember(message as unknown as AmqpMessage);
    await this.underWay.track(super.handleMessage(message, channel));
  }

  override close(): Promise<void> {
    return (this.closing ??= this.drainAndClose());
  }

  /**
   * The connection manager opens a channel for each connection and no other, so a new connection it is. What was not
   * acknowledged is delivered again.
   */
  private connectAnew(): void {
    this.current = undefined;
    // Channels are closed before their connection says that it is gone; to that the manager sees itself.
    setImmediate(() => {
      if (this.closing !== undefined || this.server?.isConnected() !== true) return;
      this.logger.warn('RabbitMQ took the consumer away; connecting anew.');
      this.server.reconnect();
    });
  }

  private async drainAndClose(): Promise<void> {
    const channel = this.current;
    this.current = undefined;
    // What was delivered already and is not begun goes back to the queue with the channel.
    await within(CLOSE_WITHIN_MS, channel?.cancel(this.consumerTag));
    await this.underWay.ended(this.drainMs);
    await within(CLOSE_WITHIN_MS, super.close());
  }
}
