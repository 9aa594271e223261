import type { Duplex } from 'node:stream';
import type { IConnectPacket } from 'mqtt-packet';
import type { Caller, Credential } from '@wattproof/core/spi';
import { agreementOf, connackBytes } from './agreement.js';
import type { Broker } from './broker.js';
import { ConnectionFault, type FaultCode, FAULTS } from './connection-fault.js';
import { Conversation } from './conversation.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { PacketQueue } from './packet-queue.js';
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
import { Patience } from './patience.js';
import { cutPublish } from './publish-head.js';
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

/** Before a connection has said who it is, it gets no more room than a CONNECT needs. */
const CONNECT_BYTES = 65_536;

/** One device's connection: reads packets as fast as there is room for them, and ends when one cannot be read. */
export class Connection {
  caller: Caller | undefined;
  #version: Version = 4;
  #state: 'waiting' | 'joining' | 'open' | 'closed' = 'waiting';
  #conversation: Conversation | undefined;
  #will: IConnectPacket['will'];
  readonly #patience: Patience;
  readonly #queue: PacketQueue;
  readonly #writer: PacketWriter;

  constructor(
    private readonly broker: Broker,
    private readonly stream: Duplex,
    readonly origin: Origin,
  ) {
    this.#patience = new Patience(broker.config, broker.monotonic);
    const { maxPayloadBytes } = broker;
    const frames = new FrameReader(
      broker.config.limits.maxPacketBytes,
      CONNECT_BYTES,
      (start, length) => cutPublish(start, length, { maxPayloadBytes, version: this.#version }),
    );
    this.#queue = new PacketQueue(frames, broker);
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
    return this.#conversation?.id;
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
    this.#queue.stop();
    await this.#conversation?.settle();
  }

  /** Once a second: what takes too long? */
  check(nowMs: number): void {
    const conversation = this.#conversation;
    const isRead = !this.stream.isPaused();
    const standing = conversation && {
      keepAliveMs: conversation.keepAliveMs,
      withheldSinceMs: conversation.withheldSinceMs,
      isRead,
    };
    const fault = this.#patience.overdue(nowMs, standing);
    if (fault !== undefined) this.fail(fault);
    // There may be room by now that others had.
    else if (!isRead || !this.#queue.isEmpty) this.#pump();
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
    const frames = this.#queue.read(chunk);
    this.#patience.heard({ packets: frames.length, partialBytes: this.#queue.partialBytes });
    for (const frame of frames) this.#arrive(frame);
    if (frames.length > 0 || this.#queue.isPartLarge) this.#pump();
  }

  #arrive({ bytes, payloadBytes }: Frame): void {
    if (this.#state === 'waiting') this.#begin(bytes);
    else if (this.#state !== 'closed') {
      const packet = readPacket(bytes, this.#version);
      this.#queue.add({ packet, payloadBytes, bytes: bytes.length }, this.#conversation);
    }
  }

  /** Goes on with what has come in, as far as there is room; reads on when all of it is gone. */
  #pump(): void {
    const conversation = this.#conversation;
    if (conversation === undefined || this.#state !== 'open') return;
    let handedOver = false;
    this.#guard(() => (handedOver = this.#queue.handOver(conversation)));
    if (!handedOver || !this.#isOpen()) return;
    const waits = !this.#queue.isEmpty || !conversation.hasRoomForMessages;
    if ((waits && this.#queue.isFull) || !conversation.isAnswered) this.stream.pause();
    else if (this.stream.isPaused()) {
      this.#patience.readsOn();
      this.stream.resume();
    }
  }

  #isOpen(): boolean {
    return this.#state === 'open';
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
    // Before the device's old connection ends, if it has one: it has not been away.
    const life = broker.joined(this, welcome);
    const conversation = new Conversation({
      broker,
      connection: this,
      agreement,
      life,
      patience: this.#patience,
      writer: this.#writer,
      guard: (run) => this.#guard(run),
      failed: (error) => this.#failBy(error),
      freed: () => this.#pump(),
      goodbye: ({ tellsWill }) => {
        if (!tellsWill) this.#will = undefined;
        this.#end('disconnected');
      },
    });
    this.#conversation = conversation;
    this.#writer.write(connackBytes(agreement, packet.clientId === '', limits));
    this.#state = 'open';
    conversation.resume();
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
    this.#queue.close();
    this.#conversation?.close();
    const { queuedBytes } = this.broker.config.limits;
    if (why === 'timeout' || this.#writer.backlogBytes > queuedBytes) this.#writer.cutOff();
    else this.#writer.hangUp();
    this.broker.left(this, { session: this.#conversation, why, will: this.#will });
  }
}
