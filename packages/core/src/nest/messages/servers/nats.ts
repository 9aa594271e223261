import { NatsRequestJSONDeserializer, type NatsOptions, ServerNats } from '@nestjs/microservices';
import { setTimeout as wait } from 'node:timers/promises';
import { nestPacket } from '../nest-packet.js';
import { isSubject } from '../subjects.js';
import { UnderWay, within } from './under-way.js';

const CONNECT_EVERY_MS = 500;
const FLUSH_WITHIN_MS = 1000;

type NatsMessage = Parameters<ServerNats['handleMessage']>[1];
type Deserialized = ReturnType<NatsRequestJSONDeserializer['deserialize']>;

/** Answers whoever waits, Nest's clients or not; Nest's own drops what is no JSON without a word. */
class NatsRequests extends NatsRequestJSONDeserializer {
  override deserialize(message: NatsMessage, options: Record<string, string>): Deserialized {
    const { channel = '', replyTo = '' } = options;
    if (!isSubject(channel)) return super.deserialize(message as never, options);
    const answerTo = replyTo === '' ? undefined : replyTo;
    return nestPacket(message.data as Uint8Array, channel, answerTo) as Deserialized;
  }
}

/** Nest's NATS server; it comes back however long the broker is away, and ends what it began before it leaves. */
export class NatsIngestServer extends ServerNats {
  private readonly underWay = new UnderWay();
  private closing: Promise<void> | undefined;

  constructor(
    options: NonNullable<NatsOptions['options']>,
    private readonly drainMs: number,
  ) {
    super({
      // The library gives up after ten tries, for good.
      maxReconnectAttempts: -1,
      ...options,
      deserializer: new NatsRequests(),
    });
  }

  /** Tries until it is there or nobody wants it any more; whoever starts it says how long that may take. */
  override async createNatsClient(): ReturnType<ServerNats['createNatsClient']> {
    for (;;) {
      try {
        const client = await super.createNatsClient();
        if (this.closing === undefined) return client;
        await client.close();
      } catch (error) {
        if (this.closing !== undefined || (error as Error).name !== 'ConnectionError') throw error;
      }
      if (this.closing !== undefined) throw new Error('closed before NATS was reached');
      await wait(CONNECT_EVERY_MS);
    }
  }

  override handleMessage(channel: string, message: NatsMessage): Promise<unknown> {
    return this.underWay.track(super.handleMessage(channel, message));
  }

  override close(): Promise<void> {
    return (this.closing ??= this.drainAndClose());
  }

  private async drainAndClose(): Promise<void> {
    const client = this['natsClient'];
    if (client && !client.isClosed()) {
      // The broker gives what comes now to the others of the group.
      for (const subscription of this['subscriptions']) subscription.unsubscribe();
      await within(FLUSH_WITHIN_MS, client.flush());
      await this.underWay.ended(this.drainMs);
      await within(FLUSH_WITHIN_MS, client.flush());
    }
    await super.close();
  }
}
