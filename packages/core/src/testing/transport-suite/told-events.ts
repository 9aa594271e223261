import type { DomainEvent, EventSource, Following, Subscription } from '../../spi/index.js';

type Handle = (event: DomainEvent) => Promise<void>;

/** Committed events, told by the test. Each subscriber has handled one when `tell` resolves. */
export class ToldEvents implements EventSource {
  readonly #handles = new Set<Handle>();
  #told = 0;
  /** Who follows now. */
  followers = 0;

  async tell(type: string, data: DomainEvent['data'], atMs = 0): Promise<DomainEvent> {
    const event: DomainEvent = { id: String((this.#told += 1)), type, atMs, data };
    await Promise.all([...this.#handles].map((handle) => handle(event)));
    return event;
  }
  subscribe(_cursor: string, handle: Handle): Subscription {
    return this.#listen(handle);
  }
  follow(handle: (events: readonly DomainEvent[]) => void): Following {
    const { stop } = this.#listen(async (event) => handle([event]));
    this.followers += 1;
    return {
      ready: Promise.resolve(),
      stop: async () => {
        this.followers -= 1;
        await stop();
      },
    };
  }

  #listen(handle: Handle): Subscription {
    this.#handles.add(handle);
    return { stop: async () => void this.#handles.delete(handle) };
  }
}
