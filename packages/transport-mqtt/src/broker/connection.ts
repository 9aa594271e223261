import type { Duplex } from 'node:stream';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import type { Caller, Credential } from '@wattproof/core/spi';
import { agreementOf, connackBytes } from './agreement.js';
import type { Broker } from './broker.js';
import { ConnectionFault, type FaultCode, FAULTS } from './connection-fault.js';
import { Deliveries } from './deliveries.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { PacketWriter } from './packet-writer.js';
import {
  isKnownVersion,
  packetBytes,
  PacketType,
  packetTypeOf,
  readConnect,
  readPacket,
  type Version,
} from './packets.js';
import { Publications } from './publications.js';
import { cutPublish } from './publish-head.js';
import type { SessionLife } from './sessions.js';
import { refused, type Welcome } from './welcome.js';

/** Where a connection comes from. */
export interface Origin {
  /** Address, of IPv6 its network. */
  readonly address: string;
  /** The client's, when TLS has checked it. */
  readonly certificate?: Extract<Credential, { kind: 'certificate' }> | undefined;
  /** It came too fast after others: it is told so. */
  readonly tooFast?: boolean;
}

/** What a connection has once it is let in. */
interface Session {
  readonly id: string;
  readonly life: SessionLife;
  readonly patienceMs: number;
  readonly publications: Publications;
  readonly deliveries: Deliveries;
}

/** A packet, and how many bytes its payload had if it was cut short. */
interface Received {
  readonly packet: Packet;
  readonly payloadBytes: number | undefined;
  readonly bytes: number;
}
/** Read while messages wait for room, so that a device is heard and answered meanwhile; more is left in its socket. */
const READ_AHEAD_BYTES = 16_384;
/** What concerns no message that waits: it need not wait with them. */
const GOES_AHEAD: ReadonlySet<Packet['cmd']> = new Set(['pingreq', 'puback', 'pubrel']);

/** Before a connection has said who it is, it gets no more room than a CONNECT needs. */
const CONNECT_BYTES = 65_536;
const WITH_WILL = 0x04;

/**
 * One device's connection: reads packets as fast as there is room for them, and ends when one cannot be read. What is published
 * goes to `Publications`, what is subscribed to `Deliveries`.
 */
export class Connection {
  caller: Caller | undefined;
  #version: Version = 4;
  #state: 'waiting' | 'joining' | 'open' | 'closed' = 'waiting';
  #session: Session | undefined;
  #will: IConnectPacket['will'];
  readonly #sinceMs: number;
  readonly #frames: FrameReader;
  readonly #writer: PacketWriter;
  #queue: Received[] = [];
  /** Of the queue, as the broker counts them. */
  #readAheadBytes = 0;
  #busy = false;
  #heardAtMs: number;
  #partialSinceMs: number | undefined;
  /** Of incomplete packets, as the broker counts them. */
  #partialBytes = 0;
  #unreadSinceMs: number | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly stream: Duplex,
    readonly origin: Origin,
  ) {
    this.#sinceMs = this.#heardAtMs = broker.monotonic.monotonicMs();
    const { maxPayloadBytes } = broker;
    this.#frames = new FrameReader(
      broker.config.limits.maxPacketBytes,
      CONNECT_BYTES,
      (start, length) => cutPublish(start, length, { maxPayloadBytes, version: this.#version }),
    );
    this.#writer = new PacketWriter(stream);
    stream.on('data', (chunk: Buffer) => this.#guard(() => this.#receive(chunk)));
    stream.on('drain', () => this.#pump());
    for (const event of ['error', 'end', 'close'])
      stream.on(event, () => this.#end('disconnected'));
  }

  /** Whose unsigned readings are counted together. */
  get source(): string {
    return this.caller?.id ?? this.origin.address;
  }

  /** Undefined until it is let in. */
  get sessionId(): string | undefined {
    return this.#session?.id;
  }

  /** Resolves when nothing of it is left. */
  get closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.stream.closed) resolve();
      else this.stream.once('close', () => resolve());
    });
  }

  /** Ends it with a reason, which MQTT 5 devices are told. What is not acknowledged by now never is. */
  fail(code: FaultCode, detail?: string): void {
    if (this.#state === 'closed') return;
    this.broker.note(code, this, detail);
    if (this.#version === 5 && this.#state === 'open')
      this.#writer.write(packetBytes({ cmd: 'disconnect', reasonCode: FAULTS[code] }, 5));
    this.#end(code.endsWith('_timeout') ? 'timeout' : 'disconnected');
  }

  /** Reads no more; resolves when what is under way has been answered. */
  async drain(): Promise<void> {
    this.stream.pause();
    this.#queue = [];
    this.#countReadAhead();
    this.#busy = true;
    await this.#session?.publications.intake.idle();
    this.#session?.publications.flush();
  }

  /** Once a second: what takes too long? */
  check(nowMs: number): void {
    const { limits, withholdMs } = this.broker.config;
    const session = this.#session;
    const lasts = (sinceMs: number | undefined, limitMs: number): boolean =>
      sinceMs !== undefined && nowMs - sinceMs >= limitMs;
    if (session === undefined) {
      if (lasts(this.#sinceMs, limits.handshakeMs)) this.fail('handshake_timeout');
      return;
    }
    const { withheldSinceMs } = session.publications.intake;
    if (lasts(withheldSinceMs, withholdMs)) this.fail('server_busy');
    else if (lasts(this.#unreadSinceMs, limits.packetMs)) this.fail('slow_reader');
    // Nothing can be heard of a device whose socket is not read. There may be room by now that others had.
    else if (this.stream.isPaused()) this.#pump();
    else if (lasts(this.#partialSinceMs, limits.packetMs)) this.fail('packet_timeout');
    else if (lasts(this.#heardAtMs, session.patienceMs)) this.fail('keep_alive_timeout');
    else if (this.#queue.length > 0) this.#pump();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#failBy(error);
    }
  }

  /** Whatever goes wrong here goes wrong for this device alone. */
  #failBy(error: unknown): void {
    if (error instanceof ConnectionFault) return this.fail(error.code, error.message);
    this.broker.failed(error);
    this.fail('unspecified');
  }

  // --- reading -----------------------------------------------------------------------------------

  #receive(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    const { broker } = this;
    const before = this.#partialBytes;
    const frames = this.#frames.push(chunk);
    const after = (this.#partialBytes = this.#frames.partialBytes);
    if (after === 0) this.#partialSinceMs = undefined;
    else if (frames.length > 0 || before === 0)
      this.#partialSinceMs = broker.monotonic.monotonicMs();
    if (!broker.holdPartial(after - before))
      throw new ConnectionFault('quota_exceeded', 'Too many packets are incomplete.');
    if (frames.length > 0) this.#heardAtMs = broker.monotonic.monotonicMs();
    for (const frame of frames) this.#arrive(frame);
    if (frames.length > 0 || after > READ_AHEAD_BYTES) this.#pump();
  }

  #arrive({ bytes, payloadBytes }: Frame): void {
    if (this.#state === 'waiting') this.#begin(bytes);
    else if (this.#state !== 'closed') {
      const packet = readPacket(bytes, this.#version);
      const received = { packet, payloadBytes, bytes: bytes.length };
      const session = this.#session;
      const goesAhead = GOES_AHEAD.has(packet.cmd) && this.#queue.length > 0 && !this.#busy;
      if (goesAhead && session !== undefined && this.#hasRoomFor(received, session))
        this.#handle(received, session);
      else this.#queue.push(received);
    }
  }

  /** Goes on with what has come in, as far as there is room; reads on when all of it is gone. */
  #pump(): void {
    const session = this.#session;
    if (session === undefined || this.#state !== 'open' || this.#busy) return;
    this.#busy = true;
    let at = 0;
    this.#guard(() => {
      while (at < this.#queue.length && this.#hasRoomFor(this.#queue[at]!, session)) {
        at += 1;
        this.#handle(this.#queue[at - 1]!, session);
      }
    });
    this.#queue.splice(0, at);
    this.#busy = false;
    if (!this.#isOpen()) return;
    this.#countReadAhead();
    const waits = this.#queue.length > 0 || !session.publications.intake.hasRoom;
    const aheadBytes = this.#readAheadBytes + this.#partialBytes;
    const isFull = aheadBytes > READ_AHEAD_BYTES || !this.broker.mayReadAhead;
    if ((waits && isFull) || !this.#isRead(session)) this.stream.pause();
    else if (this.stream.isPaused()) this.#readOn();
  }

  #countReadAhead(): void {
    const bytes = this.#queue.reduce((sum, one) => sum + one.bytes, 0);
    this.broker.readAheadBytes += bytes - this.#readAheadBytes;
    this.#readAheadBytes = bytes;
  }

  #readOn(): void {
    this.#heardAtMs = this.broker.monotonic.monotonicMs();
    if (this.#partialSinceMs !== undefined) this.#partialSinceMs = this.#heardAtMs;
    this.stream.resume();
  }

  #isOpen(): boolean {
    return this.#state === 'open';
  }

  #hasRoomFor({ packet: { cmd } }: Received, session: Session): boolean {
    if (!this.#isOpen() || !this.#isRead(session)) return false;
    const { publications, deliveries } = session;
    return cmd === 'publish'
      ? publications.intake.hasRoom && deliveries.isSettled
      : deliveries.hasRoom;
  }

  /** Who does not read the answers is not asked for more questions. */
  #isRead({ deliveries }: Session): boolean {
    const backlogBytes = this.#writer.backlogBytes + deliveries.waitingBytes;
    const isFull = backlogBytes > this.broker.config.limits.queuedBytes;
    if (!isFull) this.#unreadSinceMs = undefined;
    else this.#unreadSinceMs ??= this.broker.monotonic.monotonicMs();
    return !isFull;
  }

  #handle({ packet, payloadBytes }: Received, { id, publications, deliveries }: Session): void {
    switch (packet.cmd) {
      case 'publish':
        return publications.take(packet, payloadBytes);
      case 'pubrel': {
        // Nothing is kept of QoS 2 between the two halves: what is sent again is known by its content.
        const { messageId = 0 } = packet;
        return this.#writer.write(packetBytes({ cmd: 'pubcomp', messageId }, this.#version));
      }
      case 'pingreq':
        this.broker.seen(this);
        return this.#writer.write(packetBytes({ cmd: 'pingresp' }, this.#version));
      case 'puback':
        return deliveries.acknowledged(packet.messageId!);
      case 'subscribe':
        deliveries.subscribe(packet).catch((error: unknown) => this.#failBy(error));
        return;
      case 'unsubscribe':
        return deliveries.unsubscribe(packet);
      case 'disconnect': {
        const expirySeconds = packet.properties?.sessionExpiryInterval;
        if (expirySeconds !== undefined) this.broker.sessions.keepFor(id, expirySeconds * 1000);
        if (packet.reasonCode !== WITH_WILL) this.#will = undefined;
        return this.#end('disconnected');
      }
      default:
        throw new ConnectionFault('protocol_error', `A device does not send ${packet.cmd}.`);
    }
  }

  // --- beginning and ending ----------------------------------------------------------------------

  #begin(frame: Buffer): void {
    if (packetTypeOf(frame) !== PacketType.connect)
      throw new ConnectionFault('protocol_error', 'The first packet is not CONNECT.');
    if (!isKnownVersion(frame)) return this.#refuse(refused('unsupported_version'));
    const packet = readConnect(frame);
    this.#version = packet.protocolVersion ?? 4;
    this.#state = 'joining';
    this.stream.pause();
    this.#join(packet).catch((error: unknown) => this.#failBy(error));
  }

  async #join(packet: IConnectPacket): Promise<void> {
    const { broker } = this;
    const welcome = await broker.welcome(this.origin, packet);
    if (this.#state !== 'joining') return;
    if (welcome.kind === 'refused') return this.#refuse(welcome);
    if (!broker.hasRoomFor(welcome.caller, welcome.sessionId))
      return this.#refuse(refused('too_many_connections'));
    this.caller = welcome.caller;
    this.#will = packet.will;
    const { limits } = broker.config;
    const agreement = agreementOf(packet, welcome, limits);
    const shared = {
      broker,
      connection: this,
      agreement,
      guard: (run: () => void) => this.#guard(run),
      freed: () => this.#pump(),
    };
    const write = (bytes: Buffer): void => this.#writer.write(bytes);
    const deliveries = new Deliveries({ ...shared, writer: this.#writer });
    // Before the device's old connection ends, if it has one: it has not been away.
    const life = broker.joined(this, welcome);
    this.#session = {
      id: welcome.sessionId,
      life,
      patienceMs: agreement.keepAliveSeconds * 1500,
      publications: new Publications({ ...shared, write }),
      deliveries,
    };
    write(connackBytes(agreement, packet.clientId === '', limits));
    this.#state = 'open';
    deliveries.resume();
    this.#pump();
  }

  #refuse({ code, returnCode, reasonCode }: Welcome & { kind: 'refused' }): void {
    const reason = this.#version === 5 ? { reasonCode } : { returnCode };
    this.#writer.write(
      packetBytes({ cmd: 'connack', sessionPresent: false, ...reason }, this.#version),
    );
    this.broker.note(code, this);
    this.#end('disconnected');
  }

  #end(why: 'disconnected' | 'timeout'): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#queue = [];
    this.#countReadAhead();
    this.broker.holdPartial(-this.#partialBytes);
    const session = this.#session;
    if (session !== undefined) {
      session.publications.close();
      this.broker.sessions.leave(session.id, this);
      session.deliveries.close();
    }
    const { queuedBytes } = this.broker.config.limits;
    if (why === 'timeout' || this.#writer.backlogBytes > queuedBytes) this.#writer.cutOff();
    else this.#writer.hangUp();
    this.broker.left(this, { session, why, will: this.#will });
  }
}
