import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type {
  Caller,
  Callers,
  Clock,
  DeviceDesk,
  Ingest,
  IngestAnswer,
  Logger,
} from '@wattproof/core/spi';
import { PROTOCOL } from './admission.js';
import {
  type AuthFields,
  type ClientMessage,
  MessageFault,
  readBinary,
  readText,
} from './client-message.js';
import { credentialOf } from './credential.js';
import { type DeviceLines, deviceOf, type Line, type WhyOffline } from './device-lines.js';
import { handToDesk } from './desk-messages.js';
import { type Frame, FrameQueue } from './frame-queue.js';
import { InFlight } from './in-flight.js';
import type { LiveStream } from './live-stream.js';
import { Outgoing } from './outgoing.js';
import { callerSummary, type Limits } from './server-message.js';
import type { SharedMemory } from './shared-memory.js';
import { Subscriptions } from './subscriptions.js';
import type { Timing } from './timing.js';
import { Vitals } from './vitals.js';
import type { WsConfig } from './ws.config.js';

export interface ConnectionParts {
  readonly config: WsConfig;
  readonly origin: string;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly logger: Logger;
  readonly callers: Callers;
  readonly desk: DeviceDesk;
  readonly ingest: Ingest;
  readonly lines: DeviceLines;
  readonly stream: LiveStream;
  readonly memory: SharedMemory;
}

/** Challenges that one connection may ask for. */
const MAX_CHALLENGES = 3;
/** Devices that somebody may speak for over one connection and be sent commands for. */
const MAX_DEVICES = 1_024;
/** Of one message, from somebody who has to show first who they are. */
const STRANGER_BYTES = 16_384;
/** When the store cannot say how long it will take. */
const RETRY_AFTER_MS = 1_000;

/** One client. Frames are taken in order; readings are under way side by side, everything else one after the other. */
export class Connection implements Line {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  private readonly outgoing: Outgoing;
  private readonly subscriptions: Subscriptions;
  private readonly vitals: Vitals;
  private readonly devices = new Map<string, boolean>();
  private readonly inFlight: InFlight;
  private readonly frames: FrameQueue;
  /** Of a message that has not ended, as it is counted among all. */
  private partialBytes = 0;
  private challenges = 0;
  private faults = 0;
  /** How it will be closed once what is under way has been answered. */
  private ending: { readonly code: number; readonly reason: string } | undefined;
  private why: WhyOffline = 'disconnected';

  constructor(
    private readonly socket: WebSocket,
    raw: Duplex,
    private readonly parts: ConnectionParts,
    private readonly source: string | undefined,
    private identity: Caller | undefined,
    private readonly onIdentified: () => void,
  ) {
    const { config, callers, timing } = parts;
    this.outgoing = new Outgoing(socket, config.maxBufferedBytes, () => this.frames.goOn());
    this.inFlight = new InFlight(config, parts.memory);
    this.frames = new FrameQueue({
      socket,
      hasRoom: () => this.inFlight.hasRoom && !this.outgoing.full,
      take: (frame) => this.take(frame),
      onFailed: (error) => {
        parts.logger.error('a message of a connection failed', { error });
        this.end(1011, 'internal_error');
      },
      onWaiting: (waits) => this.vitals.waitsForUs(waits && !this.outgoing.full),
    });
    this.subscriptions = new Subscriptions({
      callers,
      outgoing: this.outgoing,
      most: config.maxSubscriptions,
      maxBytes: config.maxBufferedBytes,
      caller: () => this.identity,
      onMissed: () => {
        if (config.slowReader === 'close') this.end(1013, 'slow_reader');
      },
    });
    this.vitals = new Vitals(socket, raw, config, timing.monotonicMs());
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.gone();
        resolve();
      });
    });
    // What is wrong with a frame closes the connection by itself, with the code of RFC 6455 §7.4.1.
    socket.on('error', () => undefined);
    socket.on('message', (data: RawData, isBinary: boolean) => {
      this.vitals.heardMessage(timing.monotonicMs());
      this.frames.push({ bytes: data as Buffer, isBinary });
    });
    // Behind the library, which has made messages of what is whole.
    raw.on('data', () => this.weigh());
    for (const control of ['ping', 'pong'] as const)
      socket.on(control, (carried: Buffer) =>
        this.vitals.heardControl(timing.monotonicMs(), carried.length),
      );
    this.outgoing.send({
      type: 'hello',
      protocol: PROTOCOL,
      origin: parts.origin,
      caller: identity ? callerSummary(identity) : null,
      anonymous: config.anonymous,
      limits: limitsOf(config),
    });
    this.attachOwn();
  }

  get caller(): Caller | undefined {
    return this.identity;
  }

  async command(device: string, text: string, signal: AbortSignal): Promise<boolean> {
    if (this.ending !== undefined || !(await this.isStillKnown().catch(() => false))) return false;
    if (!(await this.stillSpeaksFor(device).catch(() => false))) return false;
    return this.outgoing.deliver(text, signal);
  }

  /** Takes nothing more, answers what is under way, then closes. */
  end(code: number, reason: string): void {
    if (this.ending !== undefined) return;
    this.ending = { code, reason };
    this.frames.close();
    this.endIfSettled();
  }

  /** Looks after time limits and the credential. */
  sweep(nowMs: number): void {
    const { config } = this.parts;
    const isUnknown = this.identity === undefined && !config.anonymous;
    if (isUnknown && nowMs - this.vitals.openedMs >= config.authTimeoutMs)
      this.end(1008, 'auth_timeout');
    const state = this.vitals.check(nowMs, this.outgoing.stalledMs(nowMs));
    if (state === 'dead') this.cut();
    if (state === 'unfinished') this.end(1008, 'message_timeout');
    if (this.vitals.isRecheckDue(nowMs)) void this.isStillKnown().catch(() => undefined);
    this.subscriptions.tellMissed();
    // Others may have let go what there was no room for.
    this.frames.goOn();
  }

  /** How much it makes us keep of a message that nobody can read yet. */
  private weigh(): void {
    const bytes = this.vitals.partialBytes;
    const hasRoom = this.parts.memory.holdPartial(bytes - this.partialBytes);
    this.partialBytes = bytes;
    const isStranger = this.identity === undefined && !this.parts.config.anonymous;
    if (isStranger && bytes > STRANGER_BYTES) {
      this.end(1009, 'message_too_large');
      if (bytes > 2 * STRANGER_BYTES) setImmediate(() => this.socket.terminate());
    } else if (!hasRoom) this.end(1013, 'memory_full');
  }

  private cut(): void {
    this.why = 'timeout';
    this.socket.terminate();
  }

  private endIfSettled(): void {
    if (this.ending === undefined || !this.inFlight.isEmpty) return;
    const { code, reason } = this.ending;
    this.socket.close(code, reason);
  }

  private gone(): void {
    this.ending ??= { code: 1006, reason: 'gone' };
    this.frames.close();
    this.parts.memory.holdPartial(-this.partialBytes);
    this.partialBytes = 0;
    this.subscriptions.clear();
    this.parts.stream.leave(this.subscriptions).catch(() => undefined);
    for (const [device, isItself] of this.devices)
      this.parts.lines.detach(device, this, isItself, this.why);
    this.devices.clear();
  }

  // --- frames ---------------------------------------------------------------------------------

  /** Resolves when the next frame may be taken; undefined: at once. */
  private take({ bytes, isBinary }: Frame): Promise<void> | undefined {
    let message: ClientMessage;
    try {
      message = isBinary ? readBinary(bytes) : readText(bytes);
    } catch (error) {
      this.fault(error);
      return undefined;
    }
    if (message.type === 'auth') return this.authenticate(message.fields);
    if (message.type === 'challenge') return this.challenge();
    const { id } = message;
    const mayAnonymously = this.parts.config.anonymous && message.type === 'readings';
    if (this.identity === undefined && !mayAnonymously) {
      this.nack(id, 'not_authenticated', 'Show who you are first, with an "auth" message.');
      if (!this.parts.config.anonymous) this.end(1008, 'not_authenticated');
      return undefined;
    }
    switch (message.type) {
      case 'readings':
        void this.underWay(id, message.body.length, () => this.ingest(message));
        return undefined;
      case 'subscribe':
        return this.subscribe(message);
      case 'unsubscribe':
        return this.unsubscribe(id);
      default:
        return this.underWay(id, message.body.length, () => this.hand(message));
    }
  }

  private fault(error: unknown): void {
    const { code, message, id } =
      error instanceof MessageFault
        ? error
        : { code: 'message_invalid', message: String(error), id: null };
    this.nack(id, code, message);
    this.faults += 1;
    if (this.faults > this.parts.config.maxFaults) this.end(1008, 'too_many_faults');
  }

  private nack(id: string | null, code: string, detail: string): void {
    this.outgoing.send({ type: 'nack', id, code, detail });
  }

  /** An answer to `id` is owed until `work` is through. What fails was not kept: the client keeps it. */
  private async underWay(id: string, size: number, work: () => Promise<void>): Promise<void> {
    if (!this.inFlight.begin(id, size)) {
      this.outgoing.send({
        type: 'retry',
        id,
        code: 'id_in_flight',
        retry_after_ms: RETRY_AFTER_MS,
      });
      return;
    }
    try {
      // Without a word: what a revoked credential sent may be sent again with another one.
      if (await this.isStillKnown()) await work();
    } catch {
      this.unavailable(id);
    }
    this.inFlight.end(id);
    this.endIfSettled();
    this.frames.goOn();
  }

  private unavailable(id: string, retryAfterMs = RETRY_AFTER_MS): void {
    this.outgoing.send({
      type: 'retry',
      id,
      code: 'store_unavailable',
      retry_after_ms: retryAfterMs,
    });
    this.end(1013, 'store_unavailable');
  }

  // --- messages -------------------------------------------------------------------------------

  private async ingest(message: Extract<ClientMessage, { type: 'readings' }>): Promise<void> {
    const { identity: caller, source } = this;
    this.seen();
    const answer = await this.parts.ingest.accept({
      contentType: message.contentType,
      bytes: message.body,
      // The key of a device says whose reading it is; any other key says only who sends.
      assurance: caller?.kind === 'device' ? 'transport' : 'unsigned',
      ...(caller === undefined ? {} : { caller }),
      ...(source === undefined ? {} : { source }),
    });
    this.answer(message.id, answer);
  }

  private answer(id: string, answer: IngestAnswer): void {
    if (answer.kind === 'items') this.outgoing.send({ type: 'ack', id, items: answer.items });
    else if (answer.kind === 'refused') this.nack(id, answer.code, answer.detail);
    else if (answer.code === 'store_unavailable') this.unavailable(id, answer.retryAfterMs);
    else
      this.outgoing.send({
        type: 'retry',
        id,
        code: answer.code,
        retry_after_ms: answer.retryAfterMs,
      });
  }

  private async hand(
    message: Extract<ClientMessage, { type: 'status' | 'alert' | 'answer' }>,
  ): Promise<void> {
    const { callers, desk, clock } = this.parts;
    const caller = this.identity!;
    const device = message.device ?? deviceOf(caller);
    if (device === undefined) {
      this.nack(message.id, 'device_missing', 'Say which "device" this is of.');
      return;
    }
    const speaksForItself = device === deviceOf(caller);
    if (!speaksForItself && !(await callers.maySpeakFor(caller, device))) {
      this.nack(message.id, 'device_not_yours', 'You do not speak for this device.');
      return;
    }
    this.attach(device, speaksForItself);
    desk.seen(device, clock.nowMs());
    this.outgoing.send(await handToDesk(desk, device, message, clock.nowMs()));
  }

  private async subscribe({
    id,
    types,
    meterIds,
  }: Extract<ClientMessage, { type: 'subscribe' }>): Promise<void> {
    const { stream, config } = this.parts;
    const { scopes } = this.identity!;
    if (scopes.length > 0 && !scopes.includes('read')) {
      this.nack(id, 'scope_missing', 'This key lacks the scope "read", so it hears nothing.');
      return;
    }
    const filter = { types, ...(meterIds === undefined ? {} : { meterIds }) };
    if (!this.subscriptions.add(id, filter)) {
      this.nack(id, 'subscriptions_full', `At most ${config.maxSubscriptions} of one connection.`);
      return;
    }
    // Not waited for: a store that is away holds up this answer and nothing else.
    void stream
      .join(this.subscriptions)
      .then(() => this.outgoing.send({ type: 'subscribed', id }))
      .catch(() => this.end(1013, 'store_unavailable'))
      .then(() => (this.ending === undefined ? undefined : stream.leave(this.subscriptions)))
      .catch(() => undefined);
  }

  private async unsubscribe(id: string): Promise<void> {
    if (!this.subscriptions.remove(id)) {
      this.nack(id, 'subscription_unknown', 'There is no subscription of this id.');
      return;
    }
    if (this.subscriptions.size === 0) await this.parts.stream.leave(this.subscriptions);
    this.outgoing.send({ type: 'unsubscribed', id });
  }

  // --- who it is ------------------------------------------------------------------------------

  private async challenge(): Promise<void> {
    this.challenges += 1;
    if (this.challenges > MAX_CHALLENGES) {
      this.end(1008, 'too_many_challenges');
      return;
    }
    try {
      const challenge = await this.parts.callers.challenge();
      this.outgoing.send({ type: 'challenge', challenge });
    } catch {
      this.end(1013, 'store_unavailable');
    }
  }

  private async authenticate(fields: AuthFields): Promise<void> {
    if (this.identity !== undefined) {
      this.nack(null, 'already_authenticated', 'This connection is known already; open another.');
      return;
    }
    try {
      const credential = credentialOf(fields);
      const caller = credential && (await this.parts.callers.authenticate(credential));
      if (caller === undefined) {
        this.nack(null, 'auth_failed', 'Nobody is known by this.');
        this.end(1008, 'auth_failed');
        return;
      }
      if (this.ending !== undefined) return;
      this.identity = caller;
      this.onIdentified();
      this.outgoing.send({ type: 'authenticated', caller: callerSummary(caller) });
      this.attachOwn();
    } catch {
      this.end(1013, 'store_unavailable');
    }
  }

  /** Closes the connection when the credential does not hold any more. Rejects when the store cannot be asked. */
  private async isStillKnown(): Promise<boolean> {
    const { identity } = this;
    if (identity === undefined) return true;
    const holds = await this.parts.callers.isValid(identity);
    this.vitals.rechecked(this.parts.timing.monotonicMs());
    if (!holds) {
      this.subscriptions.clear();
      this.end(1008, 'credential_revoked');
    }
    return holds;
  }

  /** The meter may have been handed over since. Rejects when the store cannot be asked. */
  private async stillSpeaksFor(device: string): Promise<boolean> {
    const caller = this.identity;
    if (caller === undefined || this.devices.get(device) === true) return caller !== undefined;
    if (await this.parts.callers.maySpeakFor(caller, device)) return true;
    if (this.devices.delete(device)) this.parts.lines.detach(device, this, false, this.why);
    return false;
  }

  private attachOwn(): void {
    const device = this.identity && deviceOf(this.identity);
    if (device !== undefined) this.attach(device, true);
  }

  private attach(device: string, isItself: boolean): void {
    if (this.ending !== undefined || this.devices.has(device)) return;
    if (this.devices.size >= MAX_DEVICES) return;
    this.devices.set(device, isItself);
    this.parts.lines.attach(device, this, isItself);
  }

  private seen(): void {
    const device = this.identity && deviceOf(this.identity);
    if (device !== undefined) this.parts.desk.seen(device, this.parts.clock.nowMs());
  }
}

function limitsOf(config: WsConfig): Limits {
  return {
    max_message_bytes: config.maxMessageBytes,
    max_in_flight: config.maxInFlight,
    max_subscriptions: config.maxSubscriptions,
    auth_timeout_ms: config.authTimeoutMs,
    ping_interval_ms: config.pingIntervalMs,
  };
}
