import type { OutboxStore } from '../../events/outbox.store.js';
import type { DomainEvent } from '../../spi/index.js';
import {
  type CommittedEvent,
  erasedEventData,
  type ForgottenReports,
  forgottenReport,
  isForgotten,
} from '../committed-events.js';

/** Digits of an event id: ids compare as strings in the order of commit. */
const ID_DIGITS = 20;

/** Events in the order of commit. Transactions are serial here, so none can hide behind a cursor. */
export class MemoryOutbox implements OutboxStore {
  private events: DomainEvent[] = [];
  private count = 0n;
  /** Id of the last event each subscriber confirmed; the empty string before the first. */
  private readonly cursors = new Map<string, string>();

  async tell(events: readonly CommittedEvent[]): Promise<void> {
    for (const event of events) this.append(event);
  }

  /** Called inside a transaction that can no longer fail. */
  append(event: CommittedEvent): void {
    this.count += 1n;
    this.events.push({ ...event, id: idOf(this.count) });
  }

  /** Takes out of events what they tell of an erased entry. `entryOf`: the id of the entry with this hash (hex). */
  scrub(entryId: string, entryOf: (hash: string) => string | undefined): void {
    this.events = this.events.map((event) =>
      event.data['entry'] === entryId
        ? { ...event, data: erasedEventData(event.data, entryOf) }
        : event,
    );
  }

  /** Takes out of events what they tell of reports that are gone. */
  forgetReports(forgotten: ForgottenReports): void {
    this.events = this.events.map((event) =>
      isForgotten(event, forgotten) ? { ...event, data: forgottenReport(event.data) } : event,
    );
  }

  async read(
    cursor: string,
    types: readonly string[] | 'all',
    limit: number,
  ): Promise<readonly DomainEvent[]> {
    const passed = this.cursors.get(cursor) ?? '';
    // A subscriber is known from its first read: what it has not confirmed is not pruned.
    this.cursors.set(cursor, passed);
    const found: DomainEvent[] = [];
    for (const event of this.events) {
      if (found.length >= limit) break;
      if (event.id > passed && (types === 'all' || types.includes(event.type))) found.push(event);
    }
    return found;
  }

  async advance(cursor: string, throughId: string): Promise<void> {
    const passed = this.cursors.get(cursor) ?? '';
    // A late confirmation of an earlier event moves nothing back.
    this.cursors.set(cursor, throughId > passed ? throughId : passed);
  }

  async last(): Promise<string | undefined> {
    return this.count === 0n ? undefined : idOf(this.count);
  }

  async between(
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
    behindId: string | undefined,
    limit: number,
  ): Promise<readonly DomainEvent[]> {
    return this.events
      .filter(
        ({ id, atMs }) =>
          atMs >= fromMs && atMs < toMs && (behindId === undefined || id > behindId),
      )
      .slice(0, limit);
  }

  async behind(id: string, limit: number): Promise<readonly DomainEvent[]> {
    // From the end: who follows is seldom far behind.
    const passed = this.events.findLastIndex((event) => event.id <= id);
    return this.events.slice(passed + 1, passed + 1 + limit);
  }

  async prune(beforeMs: number): Promise<number> {
    const behindAll = [...this.cursors.values()].reduce<string | undefined>(
      (least, id) => (least === undefined || id < least ? id : least),
      undefined,
    );
    const kept = this.events.filter(
      (event) => event.atMs >= beforeMs || (behindAll !== undefined && event.id > behindAll),
    );
    const pruned = this.events.length - kept.length;
    this.events = kept;
    return pruned;
  }
}

const idOf = (position: bigint): string => String(position).padStart(ID_DIGITS, '0');
