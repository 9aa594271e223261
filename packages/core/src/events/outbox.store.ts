import type { DomainEvent } from '../spi/index.js';

/** Port of the events feature: committed events and durable cursors over them. */
export interface OutboxStore {
  /** Commits events that go with no change of anything else, all or none. */
  tell(events: readonly Omit<DomainEvent, 'id'>[]): Promise<void>;
  /**
   * Events of the given types behind the cursor, in commit-safe order: an event that commits later never
   * hides behind a cursor that already passed it. `advance` confirms them.
   */
  read(
    cursor: string,
    types: readonly string[] | 'all',
    limit: number,
  ): Promise<readonly DomainEvent[]>;
  advance(cursor: string, throughId: string): Promise<void>;
  /** Id of the newest event that `read` would give to whoever takes all; undefined when there was never one. */
  last(): Promise<string | undefined>;
  /** Events of [fromMs, toMs) with ids behind `behindId`, in order; those that were pruned are gone. */
  between(
    range: { readonly fromMs: number; readonly toMs: number },
    behindId: string | undefined,
    limit: number,
  ): Promise<readonly DomainEvent[]>;
  /** Events with ids behind `id` (the empty string: all), in the same order, for who keeps no cursor; those that were pruned are gone. */
  behind(id: string, limit: number): Promise<readonly DomainEvent[]>;
  /** Deletes events every known cursor has passed and that are older than `beforeMs`. */
  prune(beforeMs: number): Promise<number>;
}
