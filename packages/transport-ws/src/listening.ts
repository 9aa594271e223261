import type { Caller, Callers } from '@wattproof/core/spi';
import type { ClientMessage } from './client-message.js';
import type { LiveStream } from './live-stream.js';
import type { Outgoing } from './outgoing.js';
import { Subscriptions } from './subscriptions.js';
import type { WsConfig } from './ws.config.js';

/** The live stream as one client asks for it. */
export class Listening {
  private readonly subscriptions: Subscriptions;
  /** Subscriptions whose answer waits for the store. */
  private joining = 0;

  constructor(
    private readonly parts: {
      readonly config: WsConfig;
      readonly callers: Callers;
      readonly stream: LiveStream;
      readonly outgoing: Outgoing;
      readonly caller: () => Caller | undefined;
      readonly end: (code: number, reason: string) => void;
      readonly isEnding: () => boolean;
    },
  ) {
    const { config, callers, outgoing, caller, end } = parts;
    this.subscriptions = new Subscriptions({
      callers,
      outgoing,
      most: config.maxSubscriptions,
      maxBytes: config.maxBufferedBytes,
      caller,
      onMissed: () => {
        if (config.slowReader === 'close') end(1013, 'slow_reader');
      },
    });
  }

  async subscribe(
    caller: Caller,
    { id, types, meterIds }: Extract<ClientMessage, { type: 'subscribe' }>,
  ): Promise<void> {
    const { stream, config, outgoing, end, isEnding } = this.parts;
    if (caller.scopes.length > 0 && !caller.scopes.includes('read')) {
      outgoing.nack(id, 'scope_missing', 'This key lacks the scope "read", so it hears nothing.');
      return;
    }
    const filter = { types, ...(meterIds === undefined ? {} : { meterIds }) };
    if (this.joining >= config.maxSubscriptions || !this.subscriptions.add(id, filter)) {
      outgoing.nack(
        id,
        'subscriptions_full',
        `At most ${config.maxSubscriptions} of one connection, whose names are not longer than 64 KiB together.`,
      );
      return;
    }
    // Not waited for: a store that is away holds up this answer and nothing else.
    this.joining += 1;
    void stream
      .join(this.subscriptions)
      .then(() => outgoing.send({ type: 'subscribed', id }))
      .catch(() => end(1013, 'store_unavailable'))
      .finally(() => (this.joining -= 1))
      .then(() => (isEnding() ? stream.leave(this.subscriptions) : undefined))
      .catch(() => undefined);
  }

  async unsubscribe(id: string): Promise<void> {
    const { stream, outgoing } = this.parts;
    if (!this.subscriptions.remove(id)) {
      outgoing.nack(id, 'subscription_unknown', 'There is no subscription of this id.');
      return;
    }
    if (this.subscriptions.size === 0) await stream.leave(this.subscriptions);
    outgoing.send({ type: 'unsubscribed', id });
  }

  /** Tells what was missed as soon as there is room for it. */
  tellMissed(): void {
    this.subscriptions.tellMissed();
  }

  /** Nothing more is heard. */
  end(): void {
    this.subscriptions.clear();
    this.parts.stream.leave(this.subscriptions).catch(() => undefined);
  }
}
