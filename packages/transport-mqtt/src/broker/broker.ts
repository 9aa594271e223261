import type { EventEmitter } from 'node:events';
import { Aedes } from 'aedes';
import type { IConnectPacket } from 'mqtt-packet';
import type { Caller, Clock, PluginContext } from '@wattproof/core/spi';
import type { LinkMessage, Outcome, TakeMessage } from '../link.js';
import type { MonotonicClock } from '../monotonic-clock.js';
import type { TopicMaps } from '../topics/topic-maps.js';
import { Admission } from './admission.js';
import type { BrokerConfig } from './broker.config.js';
import { CallerConnections } from './caller-connections.js';
import type { Connection, Origin } from './connection.js';
import { Doorkeeper } from './doorkeeper.js';
import { MessageGate } from './message-gate.js';
import { PresenceBoard } from './presence-board.js';
import { RightsReview } from './rights-review.js';
import type { SessionSide } from './session-side.js';
import { sessionStore } from './session-store.js';
import { type SessionLife, Sessions } from './sessions.js';
import { TopicRights } from './topic-rights.js';
import { refused, type Welcome } from './welcome.js';
import { Wills } from './wills.js';

/** In so many seconds it is asked of every silent connection whether its key is still valid. */
const RECHECK_ROUNDS = 60;

/** What all connections share: who may connect, what is taken, who is here, what waits for whom. */
export class Broker {
  readonly #clock: Clock;
  readonly sessions: Sessions;
  readonly admission: Admission;
  readonly rights: TopicRights;
  readonly #ofCallers: CallerConnections;
  readonly connections = new Set<Connection>();
  /** Connections ended or refused, and what became of messages, by stable code. */
  readonly counts = new Map<string, number>();
  readonly #gate: MessageGate;
  readonly #review: RightsReview;
  readonly #doorkeeper: Doorkeeper;
  readonly #wills: Wills;
  readonly #presence: PresenceBoard | undefined;
  readonly #aedes: Aedes;
  /** Of incomplete packets, of all connections. */
  partialBytes = 0;
  /** Of messages that wait for their commit, of all connections. */
  inFlightBytes = 0;
  /** Of packets that came while messages before them wait for room, of all connections. */
  readAheadBytes = 0;
  #stopping = false;

  constructor(
    readonly config: BrokerConfig,
    maps: TopicMaps,
    private readonly context: PluginContext,
    takeMessage: TakeMessage,
    /** More is not taken as one message: such a payload is not read. */
    readonly maxPayloadBytes: number,
    /** Time limits go by it: a clock that is set cuts nobody off. */
    readonly monotonic: MonotonicClock,
  ) {
    const { clock, callers, desk, logger } = context;
    this.#clock = clock;
    this.sessions = new Sessions(config.sessions, monotonic, (id) => this.#wills.sessionEnded(id));
    this.admission = new Admission(config.limits, monotonic);
    this.#ofCallers = new CallerConnections(config.limits.connectionsPerCaller);
    this.rights = new TopicRights(maps, callers);
    this.#gate = new MessageGate(this.rights, context, takeMessage, (code) => this.count(code));
    this.#review = new RightsReview(this.connections, this.sessions, this.rights, this.#gate);
    this.#doorkeeper = new Doorkeeper(context, this.sessions, this.#review, config.anonymous);
    this.#wills = new Wills({
      take: (message) => this.#takeWill(message),
      monotonic,
      limits: config.sessions,
      lost: (why) => {
        this.count('will_lost');
        logger.warn('A last will of a device was lost.', { why });
      },
    });
    this.#presence = desk === undefined ? undefined : new PresenceBoard(desk, logger);
    this.#aedes = new Aedes({
      persistence: sessionStore(this.sessions),
      connectTimeout: config.limits.handshakeMs,
    });
    // Not among the events its types know, and fatal when nobody listens.
    (this.#aedes as EventEmitter).on('error', (error: unknown) => this.failed(error));
    this.#aedes.on('clientError', (_, error) => logger.debug('A session ended.', { error }));
    this.#aedes.on('connectionError', (_, error) => logger.debug('A session ended.', { error }));
  }

  open(): Promise<void> {
    return this.#aedes.listen();
  }

  attach(side: SessionSide): void {
    this.#aedes.handle(side);
  }

  async welcome(origin: Origin, packet: IConnectPacket): Promise<Welcome> {
    return this.#stopping ? refused('stopping') : this.#doorkeeper.welcome(origin, packet);
  }

  /** Never rejects. Resolves after the commit. */
  async take(connection: Connection, message: LinkMessage): Promise<Outcome> {
    const outcome = await this.#gate.take(message);
    if (outcome !== 'revoked') return outcome;
    connection.fail('not_authorized', 'the key was revoked or has expired');
    // Nothing is answered: the connection is gone.
    return { kind: 'withhold', why: 'store_unavailable', retryAfterMs: 1 };
  }

  publish(topic: string, payload: Buffer, qos: 0 | 1): Promise<'sent' | 'unreachable'> {
    if (!this.sessions.reaches(topic, qos, payload.length)) return Promise.resolve('unreachable');
    return new Promise((resolve, reject) => {
      const packet = { cmd: 'publish', topic, payload, qos, retain: false, dup: false } as const;
      this.#aedes.publish(packet, (error) => (error ? reject(error) : resolve('sent')));
    });
  }

  /** Asked when it joins, not before: many may be asking the store who they are at once. */
  hasRoomFor(caller: Caller | undefined, sessionId: string): boolean {
    return this.#ofCallers.hasRoomFor(caller) || this.sessions.isHeld(sessionId);
  }

  /** It has the session from now on; whoever had it has it no more. */
  joined(connection: Connection, welcome: Welcome & { kind: 'welcome' }): SessionLife {
    this.#ofCallers.came(connection.caller);
    this.count('connected');
    const now = this.#clock.nowMs();
    for (const device of devicesOf(connection.caller)) this.#presence?.came(device, now);
    const life = this.sessions.join(welcome.sessionId, connection, welcome);
    // Also that of a connection which this one took it over from.
    this.#wills.cancel(welcome.sessionId);
    return life;
  }

  seen(connection: Connection): void {
    const now = this.#clock.nowMs();
    for (const device of devicesOf(connection.caller)) this.context.desk?.seen(device, now);
  }

  left(
    connection: Connection,
    {
      session,
      why,
      will,
    }: {
      session: { readonly id: string; readonly life: SessionLife } | undefined;
      why: 'disconnected' | 'timeout';
      will: IConnectPacket['will'];
    },
  ): void {
    this.connections.delete(connection);
    if (session === undefined) return;
    const { caller, source } = connection;
    this.#ofCallers.went(caller);
    const now = this.#clock.nowMs();
    for (const device of devicesOf(caller))
      this.#presence?.went(device, will === undefined ? why : 'will', now);
    if (will === undefined) return;
    const delayMs = session.life.isOver ? 0 : (will.properties?.willDelayInterval ?? 0) * 1000;
    const { topic, payload, qos = 0, retain = false } = will;
    const contentType = will.properties?.contentType;
    const message = {
      topic,
      payload: Buffer.from(payload),
      qos,
      retain,
      duplicate: false,
      will: true,
      source,
      ...(contentType === undefined ? {} : { contentType }),
      ...(caller === undefined ? {} : { caller }),
    };
    this.#wills.send(session.id, message, delayMs);
  }

  /** Whether its device has come back counts when it is told, not when it was made. */
  #takeWill(message: LinkMessage): Promise<Outcome | 'revoked'> {
    const isBack = devicesOf(message.caller).some((one) => this.#presence?.isHere(one));
    return this.#gate.take(isBack ? { ...message, speakerIsHere: true } : message);
  }

  /** A connection ends, or something of it is refused. */
  note(code: string, connection: Connection, detail?: string): void {
    this.count(code);
    this.context.logger.debug('A device was disconnected or refused.', {
      code,
      detail,
      device: connection.caller?.id,
      address: connection.origin.address,
    });
  }

  /** Something that cannot happen did. */
  failed(error: unknown): void {
    this.count('unspecified');
    this.context.logger.error('A connection failed.', { error });
  }

  count(code: string): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
  }

  /** Bounded as what is incomplete is. */
  get mayReadAhead(): boolean {
    return this.readAheadBytes < this.config.limits.partialBytes;
  }

  get wills(): number {
    return this.#wills.waiting;
  }

  /** Bytes of incomplete packets, of all connections; false when there are too many. */
  holdPartial(bytes: number): boolean {
    this.partialBytes += bytes;
    return bytes <= 0 || this.partialBytes <= this.config.limits.partialBytes;
  }

  /** Once a second. */
  check(): void {
    const now = this.monotonic.monotonicMs();
    for (const connection of this.connections) connection.check(now);
    this.sessions.expire();
    this.#wills.check();
    this.admission.tidy();
    const share = Math.ceil(this.connections.size / RECHECK_ROUNDS);
    for (let count = 0; count < share; count += 1) this.#review.next();
  }

  /** Nothing new is read; resolves when what is under way has been answered, or `drainMs` have passed. */
  async drain(): Promise<void> {
    this.#stopping = true;
    const all = Promise.all([...this.connections].map((connection) => connection.drain()));
    await this.#within(all);
  }

  async close(): Promise<void> {
    const closed = [...this.connections].map((connection) => {
      connection.fail('server_shutting_down');
      return connection.closed;
    });
    await Promise.all(closed);
    await this.#within(this.#wills.close());
    await this.#presence?.close();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  /** Resolves with it, or when `drainMs` have passed. */
  async #within(done: Promise<unknown>): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      late = setTimeout(resolve, this.config.drainMs);
    });
    await Promise.race([done, tooLate]);
    clearTimeout(late);
  }
}

/** The devices that are here when the caller is: an account's key is nobody in particular. */
function devicesOf(caller: Caller | undefined): readonly string[] {
  if (caller?.kind !== 'device') return [];
  return caller.meterIds === undefined || caller.meterIds.length === 0
    ? [caller.id]
    : caller.meterIds;
}
