import type { Caller, Callers, DomainEvent } from '@wattproof/core/spi';
import type { Outgoing } from './outgoing.js';
import { eventMessage } from './server-message.js';

/** What one subscription wants to hear. */
export interface Filter {
  readonly types: readonly string[];
  readonly meterIds?: readonly string[];
}

/** Characters of all filters of one connection: a thousand connections of one key are not to hold a gigabyte of them. */
const MAX_FILTERS_LENGTH = 65_536;

/** A filter as events are held against it: by look-up, however many names it has. */
interface Wanted {
  readonly types: ReadonlySet<string>;
  readonly meterIds: ReadonlySet<string> | undefined;
  readonly length: number;
}

/** An event and its text, which all clients share. */
export interface ToldEvent {
  readonly event: DomainEvent;
  readonly text: string;
}

interface Waiting extends ToldEvent {
  readonly subscriptions: readonly string[];
}

/** Events in a row that did not get through. */
interface Missed {
  count: number;
  readonly from_id: string;
  to_id: string;
}

/**
 * What one client hears. Events wait here only while it is asked whether they are the client's to hear; what does not fit is left
 * out and counted, so that a client that reads slowly costs nobody anything.
 */
export class Subscriptions {
  private readonly filters = new Map<string, Wanted>();
  private waiting: (Waiting | Missed)[] = [];
  private waitingBytes = 0;
  /** What the client has to be told before anything else. */
  private missed: Missed | undefined;
  private running = false;

  constructor(
    private readonly parts: {
      readonly callers: Pick<Callers, 'mayHear'>;
      readonly outgoing: Pick<Outgoing, 'hasRoomFor' | 'send' | 'sendText'>;
      readonly most: number;
      readonly maxBytes: number;
      caller(): Caller | undefined;
      /** It reads too slowly. */
      onMissed(): void;
    },
  ) {}

  get size(): number {
    return this.filters.size;
  }

  /** A subscription of the same id is replaced. False when there are too many, or they name too much together. */
  add(id: string, filter: Filter): boolean {
    if (!this.filters.has(id) && this.filters.size >= this.parts.most) return false;
    const wanted = wantedOf(filter);
    let { length } = wanted;
    for (const [other, { length: more }] of this.filters) if (other !== id) length += more;
    if (length > MAX_FILTERS_LENGTH) return false;
    this.filters.set(id, wanted);
    return true;
  }

  remove(id: string): boolean {
    return this.filters.delete(id);
  }

  clear(): void {
    this.filters.clear();
    this.waiting = [];
    this.waitingBytes = 0;
  }

  offer(events: readonly ToldEvent[]): void {
    for (const told of events) {
      const subscriptions = this.wantedBy(told.event);
      if (subscriptions.length === 0) continue;
      if (this.waitingBytes + told.text.length > this.parts.maxBytes) {
        this.missBehind(told.event);
        continue;
      }
      this.waiting.push({ ...told, subscriptions });
      this.waitingBytes += told.text.length;
    }
    if (!this.running) void this.run();
  }

  /** Tells what was missed as soon as there is room for it. */
  tellMissed(): void {
    const { missed } = this;
    if (missed === undefined || !this.parts.outgoing.hasRoomFor('')) return;
    this.missed = undefined;
    this.parts.outgoing.send({ type: 'dropped', ...missed });
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      if ('count' in next) {
        this.miss(next);
        this.tellMissed();
        continue;
      }
      this.waitingBytes -= next.text.length;
      const caller = this.parts.caller();
      const heard =
        caller !== undefined &&
        // An event that nobody can decide about is missed, not told to everybody.
        (await this.parts.callers.mayHear(caller, next.event).catch(() => undefined));
      if (heard === undefined) this.miss(only(next.event));
      else if (heard) this.tell(next);
    }
    this.waitingBytes = 0;
    this.running = false;
  }

  private tell({ event, text, subscriptions }: Waiting): void {
    // What was unsubscribed in the meantime hears no more.
    const still = subscriptions.filter((id) => this.filters.has(id));
    if (still.length === 0) return;
    const message = eventMessage(still, text);
    this.tellMissed();
    if (this.missed === undefined && this.parts.outgoing.hasRoomFor(message))
      this.parts.outgoing.sendText(message);
    else this.miss(only(event));
  }

  /** Behind those that wait. */
  private missBehind(event: DomainEvent): void {
    const last = this.waiting.at(-1);
    if (last === undefined || !('count' in last)) this.waiting.push(only(event));
    else {
      last.count += 1;
      last.to_id = event.id;
    }
  }

  private miss(more: Missed): void {
    if (this.missed === undefined) this.missed = more;
    else {
      this.missed.count += more.count;
      this.missed.to_id = more.to_id;
    }
    this.parts.onMissed();
  }

  private wantedBy(event: DomainEvent): readonly string[] {
    const found: string[] = [];
    for (const [id, filter] of this.filters) if (wants(filter, event)) found.push(id);
    return found;
  }
}

const only = ({ id }: DomainEvent): Missed => ({ count: 1, from_id: id, to_id: id });

function wantedOf({ types, meterIds }: Filter): Wanted {
  const names = [...types, ...(meterIds ?? [])];
  return {
    types: new Set(types),
    meterIds: meterIds && new Set(meterIds),
    length: names.reduce((sum, name) => sum + name.length, 0),
  };
}

function wants({ types, meterIds }: Wanted, { type, data }: DomainEvent): boolean {
  const named = types.has(type) || types.has(`${type.slice(0, type.indexOf('.'))}.*`);
  if (!named || meterIds === undefined) return named;
  // Events of meters name theirs; those of devices that are no meters name the device.
  const meter = data['meter'] ?? data['device'];
  return typeof meter === 'string' && meterIds.has(meter);
}
