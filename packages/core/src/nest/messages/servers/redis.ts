import { type RedisOptions, ServerRedis } from '@nestjs/microservices';
import { UnderWay, within } from './under-way.js';

const QUIT_WITHIN_MS = 1000;

/** Nest's Redis server; it ends what it began before it leaves, and leaves once. */
export class RedisIngestServer extends ServerRedis {
  private readonly underWay = new UnderWay();
  private closing: Promise<void> | undefined;

  constructor(
    options: NonNullable<RedisOptions['options']>,
    private readonly drainMs: number,
  ) {
    super(options);
  }

  override handleMessage(...message: Parameters<ServerRedis['handleMessage']>): Promise<unknown> {
    return this.underWay.track(super.handleMessage(...message));
  }

  override close(): Promise<void> {
    return (this.closing ??= this.drainAndClose());
  }

  private async drainAndClose(): Promise<void> {
    await this.underWay.ended(this.drainMs);
    await within(QUIT_WITHIN_MS, super.close());
  }
}
