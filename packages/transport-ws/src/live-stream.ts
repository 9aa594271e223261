import type { EventSource, Following } from '@wattproof/core/spi';
import { eventText } from './server-message.js';
import type { Subscriptions, ToldEvent } from './subscriptions.js';

/** Follows the gateway's events as long as somebody hears, and hands them to every client's subscriptions. */
export class LiveStream {
  private readonly listeners = new Set<Subscriptions>();
  private following: Following | undefined;

  constructor(private readonly events: EventSource) {}

  /** Resolves when what is committed from now on will be heard. */
  async join(listener: Subscriptions): Promise<void> {
    this.listeners.add(listener);
    this.following ??= this.events.follow((events) => {
      const told = events.map((event): ToldEvent => ({ event, text: eventText(event) }));
      for (const each of this.listeners) each.offer(told);
    });
    await this.following.ready;
  }

  async leave(listener: Subscriptions): Promise<void> {
    if (!this.listeners.delete(listener) || this.listeners.size > 0) return;
    const { following } = this;
    this.following = undefined;
    await following?.stop();
  }
}
