import type { DomainEvent, Following, Logger } from '../spi/index.js';
import { isOneOf } from './event-types.js';
import type { OutboxStore } from './outbox.store.js';

/** Events read at once for all followers. */
const READ_LIMIT = 500;
/** Reads of one look: who fell far behind catches up over several. */
const READS_AT_ONCE = 20;

interface Follower {
  readonly handle: (events: readonly DomainEvent[]) => void;
  readonly types: readonly string[];
  readonly ready: PromiseWithResolvers<void>;
  /** Id of the last event it is past; undefined until it is known what was there when it came. */
  at: string | undefined;
}

/**
 * Tells what is being committed to whoever follows, on this replica. All share one read, nothing about them is stored, and
 * without any the store is not asked.
 */
export class Followers {
  private readonly followers = new Set<Follower>();
  private under: Promise<void> | undefined;

  constructor(
    private readonly outbox: Pick<OutboxStore, 'last' | 'behind'>,
    private readonly logger: Logger,
  ) {}

  /** `types` may name families: `reading.*`. */
  follow(types: readonly string[], handle: (events: readonly DomainEvent[]) => void): Following {
    const ready = Promise.withResolvers<void>();
    const follower: Follower = { handle, types, ready, at: undefined };
    this.followers.add(follower);
    // A store that cannot be asked now is asked at the next look.
    this.place(follower).catch(() => undefined);
    return {
      ready: ready.promise,
      stop: async () => {
        this.followers.delete(follower);
        ready.resolve();
      },
    };
  }

  /** Tells what has been committed since the last look; rejects when the store cannot be asked. */
  look(signal?: AbortSignal): Promise<void> {
    this.under ??= this.lookOnce(signal).finally(() => {
      this.under = undefined;
    });
    return this.under;
  }

  private async lookOnce(signal: AbortSignal | undefined): Promise<void> {
    for (const follower of this.followers)
      if (follower.at === undefined) await this.place(follower);
    for (let reads = 0; reads < READS_AT_ONCE; reads += 1) {
      if (signal?.aborted === true) return;
      const placed = [...this.followers].filter(({ at }) => at !== undefined);
      if (placed.length === 0) return;
      const least = placed.map(({ at }) => at!).reduce((a, b) => (a < b ? a : b));
      const events = await this.outbox.behind(least, READ_LIMIT);
      for (const follower of placed) this.tell(follower, events);
      if (events.length < READ_LIMIT) return;
    }
  }

  /** From here on it hears. */
  private async place(follower: Follower): Promise<void> {
    const last = (await this.outbox.last()) ?? '';
    follower.at ??= last;
    follower.ready.resolve();
  }

  private tell(follower: Follower, events: readonly DomainEvent[]): void {
    const { at, types, handle } = follower;
    const last = events.at(-1);
    if (at === undefined || last === undefined || last.id <= at) return;
    follower.at = last.id;
    const mine = events.filter(({ id, type }) => id > at && isOneOf(type, types));
    if (mine.length === 0 || !this.followers.has(follower)) return;
    try {
      handle(mine);
    } catch (error) {
      this.logger.error('a follower of events failed', { events: mine.length, error });
    }
  }
}
