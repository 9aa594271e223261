import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Caller, Callers, Clock, DeviceDesk, Ingest, Logger } from '@wattproof/core/spi';
import { PROTOCOL } from './admission.js';
import { AttachedDevices } from './attached-devices.js';
import { type ClientMessage, MessageFault, readBinary, readText } from './client-message.js';
import type { DeviceLines, Line, WhyOffline } from './device-lines.js';
import { Discarding } from './discarding.js';
import { type Frame, FrameQueue } from './frame-queue.js';
import { Identity } from './identity.js';
import { Intake } from './intake.js';
import { Listening } from './listening.js';
import type { LiveStream } from './live-stream.js';
import { Outgoing } from './outgoing.js';
import { callerSummary, limitsOf } from './server-message.js';
import { PartialMessage } from './partial-message.js';
import type { SharedMemory } from './shared-memory.js';
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

/** Of one message, from somebody who has to show first who they are. */
const STRANGER_BYTES = 16_384;

/** One client. Frames are taken in order; readings are under way side by side, everything else one after the other. */
export class Connection implements Line {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  private readonly outgoing: Outgoing;
  private readonly identity: Identity;
  private readonly devices: AttachedDevices;
  private readonly intake: Intake;
  private readonly listening: Listening;
  private readonly vitals: Vitals;
  private readonly frames: FrameQueue;
  private readonly partial: PartialMessage;
  private faults = 0;
  /** How it will be closed once what is under way has been answered. */
  private ending: { readonly code: number; readonly reason: string } | undefined;
  private why: WhyOffline = 'disconnected';

  constructor(
    private readonly socket: WebSocket,
    raw: Duplex,
    private readonly parts: ConnectionParts,
    source: string | undefined,
    shown: Caller | undefined,
    /** Somebody has shown who they are; false: there is no place for them. */
    admit: (caller: Caller) => boolean,
  ) {
    const { config, timing, logger } = parts;
    const end = this.end.bind(this);
    const isEnding = (): boolean => this.ending !== undefined;
    const caller = (): Caller | undefined => this.identity.caller;
    this.outgoing = new Outgoing(socket, config.maxBufferedBytes, () => this.frames.goOn());
    const { outgoing } = this;
    this.identity = new Identity(
      {
        ...parts,
        outgoing,
        end,
        isEnding,
        admit,
        onKnown: () => this.devices.attachOwn(),
        onChecked: () => this.vitals.rechecked(timing.monotonicMs()),
        onRevoked: () => this.listening.end(),
      },
      shown,
    );
    this.devices = new AttachedDevices({ ...parts, line: this, caller, isEnding });
    this.intake = new Intake({
      ...parts,
      identity: this.identity,
      devices: this.devices,
      outgoing,
      source,
      end,
      onAnswered: () => {
        this.endIfSettled();
        this.frames.goOn();
      },
    });
    this.listening = new Listening({ ...parts, outgoing, caller, end, isEnding });
    this.frames = new FrameQueue({
      socket,
      hasRoom: () => this.intake.hasRoom && !outgoing.full,
      take: (frame) => this.take(frame),
      onFailed: (error) => {
        logger.error('a message of a connection failed', { error });
        this.end(1011, 'internal_error');
      },
      onWaiting: (waits) => this.vitals.waitsForUs(waits && !outgoing.full),
    });
    this.vitals = new Vitals(socket, raw, config, timing.monotonicMs());
    this.partial = new PartialMessage(this.vitals, parts.memory, config.maxMessageBytes);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.gone();
        resolve();
      });
    });
    this.hear(raw);
    outgoing.send({
      type: 'hello',
      protocol: PROTOCOL,
      origin: parts.origin,
      caller: shown ? callerSummary(shown) : null,
      anonymous: config.anonymous,
      limits: limitsOf(config),
    });
    this.devices.attachOwn();
  }

  async command(device: string, text: string, signal: AbortSignal): Promise<boolean> {
    if (this.ending !== undefined) return false;
    if (!(await this.identity.isStillKnown().catch(() => false))) return false;
    if (!(await this.devices.stillSpeaksFor(device).catch(() => false))) return false;
    return this.outgoing.deliver(text, signal);
  }

  /** Takes nothing more, answers what is under way, then closes. */
  end(code: number, reason: string): void {
    if (this.ending !== undefined) return;
    this.ending = { code, reason };
    this.frames.close();
    this.endIfSettled();
  }

  /** Closes without the answers that are still owed: the client keeps what they are about. */
  closeUnanswered(): void {
    this.socket.close(this.ending?.code, this.ending?.reason);
  }

  /** Looks after time limits and the credential. */
  sweep(nowMs: number): void {
    if (this.isStranger && nowMs - this.vitals.openedMs >= this.parts.config.authTimeoutMs)
      this.end(1008, 'auth_timeout');
    const state = this.vitals.check(nowMs, this.outgoing.stalledMs(nowMs));
    if (state === 'dead') this.cut();
    if (state === 'unfinished') this.end(1008, 'message_timeout');
    if (this.vitals.isRecheckDue(nowMs)) void this.identity.isStillKnown().catch(() => undefined);
    this.listening.tellMissed();
    // Others may have let go what there was no room for.
    this.frames.goOn();
  }

  /** Somebody who has to show who they are, and has not. */
  private get isStranger(): boolean {
    return this.identity.caller === undefined && !this.parts.config.anonymous;
  }

  private hear(raw: Duplex): void {
    const { socket, vitals } = this;
    const { timing } = this.parts;
    // What is wrong with a frame closes the connection by itself, with the code of RFC 6455 §7.4.1.
    socket.on('error', () => this.partial.discard());
    socket.on('message', (data: RawData, isBinary: boolean) => {
      vitals.heardMessage(timing.monotonicMs());
      this.frames.push({ bytes: data as Buffer, isBinary });
    });
    // Behind the library, which has made messages of what is whole.
    const discarding = new Discarding(raw, timing, () => socket.terminate());
    raw.on('data', (chunk: Buffer) => {
      if (this.ending !== undefined || socket.readyState !== socket.OPEN)
        discarding.take(chunk.length, this.ending === undefined);
      this.weigh();
    });
    for (const control of ['ping', 'pong'] as const)
      socket.on(control, (carried: Buffer) =>
        vitals.heardControl(timing.monotonicMs(), carried.length),
      );
  }

  private weigh(): void {
    const { keptBytes, fits } = this.partial.weigh();
    if (this.isStranger && keptBytes > STRANGER_BYTES) {
      this.end(1009, 'message_too_large');
      if (keptBytes > 2 * STRANGER_BYTES) setImmediate(() => this.socket.terminate());
    } else if (!fits) this.end(1013, 'memory_full');
  }

  private cut(): void {
    this.why = 'timeout';
    this.socket.terminate();
  }

  private endIfSettled(): void {
    if (this.ending !== undefined && this.intake.isSettled) this.closeUnanswered();
  }

  private gone(): void {
    this.ending ??= { code: 1006, reason: 'gone' };
    this.frames.close();
    this.partial.discard();
    this.listening.end();
    this.devices.detachAll(this.why);
  }

  /** Resolves when the next frame may be taken; undefined: at once. */
  private take({ bytes, isBinary }: Frame): Promise<void> | undefined {
    let message: ClientMessage;
    try {
      message = isBinary ? readBinary(bytes) : readText(bytes);
    } catch (error) {
      this.fault(error);
      return undefined;
    }
    if (message.type === 'auth') return this.identity.authenticate(message.fields);
    if (message.type === 'challenge') return this.identity.challenge();
    const { caller } = this.identity;
    if (message.type === 'readings' && (caller ?? this.parts.config.anonymous)) {
      void this.intake.take(message);
      return undefined;
    }
    if (caller === undefined) {
      const detail = 'Show who you are first, with an "auth" message.';
      this.outgoing.nack(message.id, 'not_authenticated', detail);
      if (this.isStranger) this.end(1008, 'not_authenticated');
      return undefined;
    }
    if (message.type === 'subscribe') return this.listening.subscribe(caller, message);
    if (message.type === 'unsubscribe') return this.listening.unsubscribe(message.id);
    return this.intake.take(message);
  }

  private fault(error: unknown): void {
    const { code, message, id } =
      error instanceof MessageFault
        ? error
        : { code: 'message_invalid', message: String(error), id: null };
    this.outgoing.nack(id, code, message);
    this.faults += 1;
    if (this.faults > this.parts.config.maxFaults) this.end(1008, 'too_many_faults');
  }
}
