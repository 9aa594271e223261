import type { MonotonicClock } from '../monotonic-clock.js';
import type { BrokerConfig } from './broker.config.js';

/** A message on its way to one device, as aedes numbers it. */
export interface QueuedPacket {
  readonly brokerId: string;
  readonly brokerCounter: number;
  readonly payload: Uint8Array | string;
  messageId?: number | undefined;
}

/** A connection that has a session. */
export interface Holder {
  fail(code: 'session_taken_over'): void;
}

/** A session as the connection sees it that had it. */
export interface SessionLife {
  readonly isOver: boolean;
}

/** What is known of one client id of one caller. */
interface Session extends SessionLife {
  isOver: boolean;
  readonly id: string;
  /** Kept when the connection ends (MQTT 3.1.1, 3.1.2.4). */
  lasting: boolean;
  /** Of the connection that has it now; undefined while the device is away. */
  holder: Holder | undefined;
  awaySinceMs: number;
  expiryMs: number;
  readonly filters: Map<string, 0 | 1>;
  queue: QueuedPacket[];
  queuedBytes: number;
}

/**
 * Who reads which topic, and what waits for devices that are away: bounded in sessions, of one caller and of all, in age, and in messages and bytes.
 * A filter is a topic, or ends in the one wildcard a device may use.
 */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  /** Those nobody has now; the one left longest ago first. */
  readonly #away = new Set<Session>();
  readonly #awayOf = new Map<string, number>();
  readonly #readers = new Map<string, Set<Session>>();
  #queuedBytes = 0;
  /** Messages that found a queue full. */
  dropped = 0;

  constructor(
    private readonly limits: BrokerConfig['sessions'],
    private readonly clock: MonotonicClock,
    private readonly ended: (id: string) => void = () => {},
  ) {}

  get count(): number {
    return this.#sessions.size;
  }

  /** Longest time that a session is kept, in ms. */
  get expiryMs(): number {
    return this.limits.max === 0 ? 0 : this.limits.expirySeconds * 1000;
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** Whether a connection has it. */
  isHeld(id: string): boolean {
    return this.#sessions.get(id)?.holder !== undefined;
  }

  /** A connection takes the session, or begins it. Whoever held it has it no more. */
  join(
    id: string,
    holder: Holder,
    { fresh, expiryMs }: { fresh: boolean; expiryMs: number },
  ): SessionLife {
    const before = this.#sessions.get(id)?.holder;
    if (fresh) this.end(id);
    const session: Session = this.#sessions.get(id) ?? {
      id,
      isOver: false,
      lasting: false,
      holder,
      awaySinceMs: 0,
      expiryMs: 0,
      filters: new Map(),
      queue: [],
      queuedBytes: 0,
    };
    this.#sessions.set(id, session);
    this.#isBack(session);
    session.expiryMs = Math.min(expiryMs, this.expiryMs);
    session.lasting = session.expiryMs > 0;
    session.holder = holder;
    before?.fail('session_taken_over');
    return session;
  }

  /** The device says so when it leaves (MQTT 5.0, 3.14.2.2.2); a session that was to end cannot be made to last. */
  keepFor(id: string, expiryMs: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined || !session.lasting) return;
    session.expiryMs = Math.min(expiryMs, this.expiryMs);
    session.lasting = session.expiryMs > 0;
  }

  /** The connection is over. */
  leave(id: string, holder: Holder): void {
    const session = this.#sessions.get(id);
    if (session?.holder !== holder) return;
    session.holder = undefined;
    session.awaySinceMs = this.clock.monotonicMs();
    if (!session.lasting) return this.end(id);
    this.#away.add(session);
    const owner = ownerOf(session);
    const ofOwner = (this.#awayOf.get(owner) ?? 0) + 1;
    this.#awayOf.set(owner, ofOwner);
    if (ofOwner > this.limits.perCaller) this.#endOldest((one) => ownerOf(one) === owner);
    if (this.#away.size > this.limits.max) this.#endOldest(() => true);
  }

  end(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    session.isOver = true;
    this.#isBack(session);
    this.#queuedBytes -= session.queuedBytes;
    for (const filter of session.filters.keys()) this.#stopReading(session, filter);
    this.ended(id);
  }

  /** Ends sessions nobody came back to. */
  expire(): void {
    const now = this.clock.monotonicMs();
    for (const { id, awaySinceMs, expiryMs } of this.#away)
      if (now - awaySinceMs >= expiryMs) this.end(id);
  }

  /** False when it has as many as it may. */
  subscribe(id: string, filter: string, qos: 0 | 1): boolean {
    const session = this.#sessions.get(id);
    if (session === undefined) return false;
    const { filters } = session;
    if (!filters.has(filter) && filters.size >= this.limits.subscriptions) return false;
    filters.set(filter, qos);
    const readers = this.#readers.get(filter) ?? new Set();
    this.#readers.set(filter, readers.add(session));
    return true;
  }

  unsubscribe(id: string, filter: string): void {
    const session = this.#sessions.get(id);
    if (session?.filters.delete(filter)) this.#stopReading(session, filter);
  }

  subscriptionsOf(id: string): { readonly topic: string; readonly qos: 0 | 1 }[] {
    const session = this.#sessions.get(id);
    return [...(session?.filters ?? [])].map(([topic, qos]) => ({ topic, qos }));
  }

  /** Sessions that outlive their connection and want the topic with an acknowledgement. */
  lastingReaders(topic: string): { readonly clientId: string; readonly topic: string; qos: 1 }[] {
    return [...this.#readersOf(topic)]
      .filter(([session, qos]) => session.lasting && qos === 1)
      .map(([{ id }]) => ({ clientId: id, topic, qos: 1 }));
  }

  /** Whether a message on the topic comes to somebody: a connection, or a session that has room for it. */
  reaches(topic: string, qos: 0 | 1, bytes: number): boolean {
    return [...this.#readersOf(topic)].some(
      ([session, wanted]) =>
        session.holder !== undefined ||
        (qos === 1 && wanted === 1 && this.#hasRoomFor(bytes, session)),
    );
  }

  enqueue(id: string, packet: QueuedPacket): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const bytes = packet.payload.length;
    if (!this.#hasRoomFor(bytes, session)) {
      this.dropped += 1;
      return;
    }
    session.queue.push(packet);
    session.queuedBytes += bytes;
    this.#queuedBytes += bytes;
  }

  queueOf(id: string): readonly QueuedPacket[] {
    return this.#sessions.get(id)?.queue ?? [];
  }

  /** The device has acknowledged it. */
  dequeue(id: string, messageId: number | undefined): QueuedPacket | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const at = session.queue.findIndex((packet) => packet.messageId === messageId);
    const [packet] = at < 0 ? [] : session.queue.splice(at, 1);
    if (packet === undefined) return undefined;
    session.queuedBytes -= packet.payload.length;
    this.#queuedBytes -= packet.payload.length;
    return packet;
  }

  #readersOf(topic: string): Map<Session, 0 | 1> {
    const found = new Map<Session, 0 | 1>();
    for (const filter of filtersFor(topic))
      for (const session of this.#readers.get(filter) ?? [])
        found.set(session, session.filters.get(filter) === 1 ? 1 : (found.get(session) ?? 0));
    return found;
  }

  #stopReading(session: Session, filter: string): void {
    const readers = this.#readers.get(filter);
    readers?.delete(session);
    if (readers?.size === 0) this.#readers.delete(filter);
  }

  #hasRoomFor(bytes: number, { queue, queuedBytes }: Session): boolean {
    const { queuedMessages, queuedBytes: most, allQueuedBytes } = this.limits;
    return (
      queue.length < queuedMessages &&
      queuedBytes + bytes <= most &&
      this.#queuedBytes + bytes <= allQueuedBytes
    );
  }

  /** Or has ended. */
  #isBack(session: Session): void {
    if (!this.#away.delete(session)) return;
    const owner = ownerOf(session);
    const left = (this.#awayOf.get(owner) ?? 0) - 1;
    if (left > 0) this.#awayOf.set(owner, left);
    else this.#awayOf.delete(owner);
  }

  /** Of those that are away. */
  #endOldest(is: (session: Session) => boolean): void {
    for (const session of this.#away) if (is(session)) return this.end(session.id);
  }
}

/** Whose it is: ids are the caller, a line break and the client id. */
function ownerOf({ id }: Session): string {
  return id.slice(0, id.indexOf('\n'));
}

/** The filters a device may have that match the topic: itself, and a wildcard as its last level. */
function filtersFor(topic: string): readonly string[] {
  const levels = topic.split('/');
  const parents = levels.map((_, index) => levels.slice(0, index + 1).join('/'));
  return [topic, `${levels.slice(0, -1).join('/')}/+`, ...parents.map((parent) => `${parent}/#`)];
}
