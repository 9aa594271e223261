import type { Duplex } from 'node:stream';
import type {
  IConnectPacket,
  IPublishPacket,
  ISubscribePacket,
  IUnsubscribePacket,
  Packet,
} from 'mqtt-packet';
import type { Caller, Credential } from '@wattproof/core/spi';
import type { Outcome } from '../link.js';
import type { Broker } from './broker.js';
import { refused, type Welcome } from './welcome.js';
import { ConnectionFault, type FaultCode, FAULTS } from './connection-fault.js';
import { FrameReader } from './frame-reader.js';
import { Intake } from './intake.js';
import { OutgoingWindow } from './outgoing-window.js';
import {
  bareAck,
  isKnownVersion,
  packetBytes,
  PacketType,
  packetTypeOf,
  readConnect,
  readPacket,
  type Version,
} from './packets.js';
import { SessionSide } from './session-side.js';

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
/** Control packets on their way to aedes; beyond it the socket is not read. */
const SESSION_SIDE_BYTES = 65_536;
const FAREWELL_MS = 1_000;
const WITH_WILL = 0x04;
const LONGEST_STRING = 65_535;

/**
 * One device's connection. Messages go from here to the gateway and are acknowledged from here, after the commit; what
 * concerns subscriptions and deliveries goes on to aedes.
 */
export class Connection {
  readonly sinceMs: number;
  version: Version = 4;
  caller: Caller | undefined;
  clientId = '';
  #sessionId = '';
  #state: 'waiting' | 'joining' | 'open' | 'closed' = 'waiting';
  readonly #frames = new FrameReader(CONNECT_BYTES);
  #partialSinceMs: number | undefined;
  #queue: Packet[] = [];
  #joined = false;
  #busy = false;
  #heardAtMs: number;
  #unreadSinceMs: number | undefined;
  #patienceMs = Number.POSITIVE_INFINITY;
  #will: IConnectPacket['will'];
  #connack: (() => void) | undefined;
  readonly #side: SessionSide;
  readonly #intake: Intake;
  readonly #acks = new Map<number, IPublishPacket>();
  readonly #suback = new Map<number, () => void>();
  #window = new OutgoingWindow();
  #maxOutgoingBytes = Number.POSITIVE_INFINITY;
  #tellsProblems = true;
  #corked = false;

  constructor(
    private readonly broker: Broker,
    private readonly stream: Duplex,
    readonly origin: Origin,
  ) {
    const { clock, config } = broker;
    this.sinceMs = this.#heardAtMs = clock.nowMs();
    this.#intake = new Intake({
      take: (message) => broker.take(this, message),
      clock,
      inFlight: config.limits.inFlight,
      freed: () => this.#pump(),
    });
    this.#side = new SessionSide({
      frame: (frame) => this.#guard(() => this.#fromSession(frame)),
      wants: () => this.#pump(),
      gone: () => this.fail('session_taken_over'),
    });
    stream.on('data', (chunk: Buffer) => this.#guard(() => this.#receive(chunk)));
    stream.on('drain', () => this.#pump());
    stream.on('error', () => this.#gone());
    stream.on('end', () => this.#gone());
    stream.on('close', () => this.#gone());
  }

  /** Whose unsigned readings are counted together. */
  get source(): string {
    return this.caller?.id ?? this.origin.address;
  }

  /** Ends it with a reason, which MQTT 5 devices are told. What is not acknowledged by now never is. */
  fail(code: FaultCode, detail?: string): void {
    if (this.#state === 'closed') return;
    this.broker.note(code, this, detail);
    if (this.version === 5 && this.#state === 'open')
      this.#write(packetBytes({ cmd: 'disconnect', reasonCode: FAULTS[code] }, 5));
    this.#end(code.endsWith('_timeout') ? 'timeout' : 'disconnected');
  }

  /** Resolves when nothing of it is left. */
  get closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.stream.closed) resolve();
      else this.stream.once('close', () => resolve());
    });
  }

  /** Reads no more; resolves when what is under way has been answered. */
  async drain(): Promise<void> {
    this.stream.pause();
    this.#queue = [];
    this.#busy = true;
    await this.#intake.idle();
  }

  /** Once a second: what takes too long? */
  check(nowMs: number): void {
    const { limits, withholdMs } = this.broker.config;
    if (this.#state === 'waiting' || this.#state === 'joining') {
      if (nowMs - this.sinceMs >= limits.handshakeMs) this.fail('handshake_timeout');
      return;
    }
    const withheld = this.#intake.withheldSinceMs;
    if (withheld !== undefined) {
      if (nowMs - withheld >= withholdMs) this.fail('server_busy');
      return;
    }
    if (this.#unreadSinceMs !== undefined && nowMs - this.#unreadSinceMs >= limits.packetMs) {
      this.fail('slow_reader');
      return;
    }
    // Nothing can be heard of a device whose socket is not read.
    if (this.stream.isPaused()) return;
    if (this.#partialSinceMs !== undefined && nowMs - this.#partialSinceMs >= limits.packetMs)
      this.fail('packet_timeout');
    else if (nowMs - this.#heardAtMs >= this.#patienceMs) this.fail('keep_alive_timeout');
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

  #receive(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    const before = this.#frames.partialBytes;
    const frames = this.#frames.push(chunk);
    const after = this.#frames.partialBytes;
    if (after === 0) this.#partialSinceMs = undefined;
    else if (frames.length > 0 || before === 0) this.#partialSinceMs = this.broker.clock.nowMs();
    if (!this.broker.holdPartial(after - before))
      throw new ConnectionFault('quota_exceeded', 'too many incomplete packets');
    if (frames.length === 0) return;
    this.#heardAtMs = this.broker.clock.nowMs();
    for (const frame of frames) this.#arrive(frame);
    this.#pump();
  }

  #arrive(frame: Buffer): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'waiting') {
      this.#queue.push(readPacket(frame, this.version));
      return;
    }
    if (packetTypeOf(frame) !== PacketType.connect)
      throw new ConnectionFault('protocol_error', 'The first packet is not CONNECT.');
    if (!isKnownVersion(frame)) {
      this.#state = 'joining';
      return this.#refuse(refused('unsupported_version'));
    }
    const packet = readConnect(frame);
    this.version = packet.protocolVersion ?? 4;
    this.#state = 'joining';
    this.stream.pause();
    this.#frames.maxBytes = this.broker.config.limits.maxPacketBytes;
    this.#connect(packet).catch((error: unknown) => this.#failBy(error));
  }

  // --- connecting --------------------------------------------------------------------------------

  async #connect(packet: IConnectPacket): Promise<void> {
    const verdict = await this.broker.welcome(this.origin, packet);
    if (this.#state !== 'joining') return;
    if (verdict.kind === 'refused') return this.#refuse(verdict);
    this.caller = verdict.caller;
    this.clientId = verdict.clientId;
    this.#sessionId = verdict.sessionId;
    this.#will = packet.will;
    const { keepalive = 0, properties = {} } = packet;
    const { maxKeepAliveSeconds, maxPacketBytes, inFlight } = this.broker.config.limits;
    const keepAlive =
      this.version === 5 || keepalive === 0
        ? Math.min(keepalive || maxKeepAliveSeconds, maxKeepAliveSeconds)
        : keepalive;
    this.#patienceMs = keepAlive * 1500;
    this.#window = new OutgoingWindow(properties.receiveMaximum);
    this.#maxOutgoingBytes = properties.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.#tellsProblems = properties.requestProblemInformation !== false;
    this.#connack = () => {
      this.#write(
        this.version === 5
          ? packetBytes(
              {
                cmd: 'connack',
                sessionPresent: verdict.sessionPresent,
                reasonCode: 0,
                properties: {
                  sessionExpiryInterval: Math.floor(verdict.expiryMs / 1000),
                  receiveMaximum: inFlight,
                  maximumPacketSize: maxPacketBytes,
                  sharedSubscriptionAvailable: false,
                  subscriptionIdentifiersAvailable: false,
                  serverKeepAlive: keepAlive,
                  ...(packet.clientId === '' ? { assignedClientIdentifier: verdict.clientId } : {}),
                },
              },
              5,
            )
          : packetBytes(
              { cmd: 'connack', sessionPresent: verdict.sessionPresent, returnCode: 0 },
              4,
            ),
      );
      this.#state = 'open';
      this.#pump();
    };
    // Before the device's old connection ends, if it has one: it has not been away.
    this.#joined = true;
    this.broker.joined(this);
    this.broker.sessions.join(this.#sessionId, this, verdict);
    this.broker.attach(this.#side);
    this.#toSession({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: this.#sessionId,
      clean: verdict.fresh && verdict.expiryMs === 0,
      // Silence is measured here, where messages are seen.
      keepalive: 0,
    });
  }

  #refuse({ code, returnCode, reasonCode }: Welcome & { kind: 'refused' }): void {
    const reason = this.version === 5 ? { reasonCode } : { returnCode };
    this.#write(packetBytes({ cmd: 'connack', sessionPresent: false, ...reason }, this.version));
    this.broker.note(code, this);
    this.#end('disconnected');
  }

  // --- from the device ---------------------------------------------------------------------------

  /** Goes on with what has come in, as far as there is room; reads on when all of it is gone. */
  #pump(): void {
    if (this.#state !== 'open' || this.#busy) return;
    this.#busy = true;
    let at = 0;
    this.#guard(() => {
      while (at < this.#queue.length && this.#isOpen && this.#hasRoomFor(this.#queue[at]!)) {
        at += 1;
        this.#handle(this.#queue[at - 1]!);
      }
    });
    this.#queue.splice(0, at);
    this.#busy = false;
    if (!this.#isOpen) return;
    if (this.#queue.length > 0 || !this.#intake.hasRoom || !this.#isRead) this.stream.pause();
    else if (this.stream.isPaused()) {
      this.#heardAtMs = this.broker.clock.nowMs();
      if (this.#partialSinceMs !== undefined) this.#partialSinceMs = this.#heardAtMs;
      this.stream.resume();
    }
  }

  get #isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Who does not read the answers is not asked for more questions. */
  get #isRead(): boolean {
    const full = this.#backlogBytes > this.broker.config.limits.queuedBytes;
    if (!full) this.#unreadSinceMs = undefined;
    else this.#unreadSinceMs ??= this.broker.clock.nowMs();
    return !full;
  }

  #hasRoomFor({ cmd }: Packet): boolean {
    if (!this.#isRead) return false;
    return cmd === 'publish'
      ? this.#intake.hasRoom
      : this.#side.readableLength < SESSION_SIDE_BYTES;
  }

  #handle(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        return this.#publish(packet);
      case 'pubrel':
        // Nothing is kept of QoS 2 between the two halves: what is sent again is known by its content.
        return this.#write(
          packetBytes({ cmd: 'pubcomp', messageId: packet.messageId! }, this.version),
        );
      case 'pingreq':
        this.broker.seen(this);
        return this.#write(packetBytes({ cmd: 'pingresp' }, this.version));
      case 'puback':
        this.#toSession({ cmd: 'puback', messageId: packet.messageId! });
        for (const frame of this.#window.acknowledged(packet.messageId!)) this.#write(frame);
        return;
      case 'subscribe':
        this.#subscribe(packet).catch((error: unknown) => this.#failBy(error));
        return;
      case 'unsubscribe':
        return this.#unsubscribe(packet);
      case 'disconnect':
        if (packet.reasonCode !== WITH_WILL) this.#will = undefined;
        if (packet.properties?.sessionExpiryInterval !== undefined)
          this.broker.sessions.keepFor(
            this.#sessionId,
            packet.properties.sessionExpiryInterval * 1000,
          );
        return this.#end('disconnected');
      default:
        throw new ConnectionFault('protocol_error', `A device does not send ${packet.cmd}.`);
    }
  }

  #publish(packet: IPublishPacket): void {
    const { topic, qos, retain, dup, messageId = 0, properties } = packet;
    if (properties?.topicAlias !== undefined)
      throw new ConnectionFault('topic_alias_invalid', 'A topic alias came; none was offered.');
    if (topic === '' || /[+#\u0000]/.test(topic))
      throw new ConnectionFault('topic_name_invalid', 'A message has a topic that is none.');
    const payload = Buffer.from(packet.payload as Buffer);
    if (qos > 0) {
      const same = this.#acks.get(messageId);
      // The acknowledgement under way answers both. Two would answer a later message with this number, too.
      if (
        same !== undefined &&
        dup &&
        same.topic === topic &&
        payload.equals(same.payload as Buffer)
      )
        return;
      if (same !== undefined)
        throw new ConnectionFault('protocol_error', `Packet identifier ${messageId} is in use.`);
      this.#acks.set(messageId, packet);
    }
    const { contentType } = properties ?? {};
    this.broker.seen(this);
    this.#intake.add(
      {
        topic,
        payload,
        qos,
        retain,
        duplicate: dup,
        source: this.source,
        ...(contentType === undefined ? {} : { contentType }),
        ...(this.caller === undefined ? {} : { caller: this.caller }),
      },
      (outcome) => {
        if (qos === 0) return;
        this.#acks.delete(messageId);
        this.#guard(() => this.#acknowledge(messageId, qos, outcome));
      },
    );
  }

  #acknowledge(
    messageId: number,
    qos: 1 | 2,
    { reasonCode, properties }: Outcome & { kind: 'acknowledge' },
  ): void {
    const cmd = qos === 1 ? 'puback' : 'pubrec';
    const packet = { cmd, messageId, ...(this.version === 5 ? { reasonCode } : {}) } as const;
    const userProperties = this.#tellable(properties);
    if (userProperties !== undefined) {
      const told = packetBytes({ ...packet, properties: { userProperties } }, 5);
      if (told.length <= this.#maxOutgoingBytes) return this.#write(told);
    }
    if (qos === 1 && (reasonCode === 0 || this.version !== 5)) this.#write(bareAck(messageId));
    else this.#write(packetBytes(packet, this.version));
  }

  /** What the device wants to hear, and strings can say (MQTT 5.0, 1.5.4). */
  #tellable(properties: Readonly<Record<string, string>> = {}): Record<string, string> | undefined {
    if (this.version !== 5 || !this.#tellsProblems) return undefined;
    const said = Object.entries(properties).filter(
      ([, value]) => Buffer.byteLength(value) <= LONGEST_STRING && !value.includes('\0'),
    );
    return said.length === 0 ? undefined : Object.fromEntries(said);
  }

  async #subscribe({ messageId, subscriptions, properties }: ISubscribePacket): Promise<void> {
    if (properties?.subscriptionIdentifier !== undefined)
      return this.fail('subscription_ids_not_supported');
    if (subscriptions.length === 0) return this.fail('protocol_error', 'no topic');
    let verdicts: readonly ('granted' | number)[];
    try {
      verdicts = await Promise.all(
        subscriptions.map(({ topic }) => this.broker.rights.subscription(this.caller, topic)),
      );
    } catch (error) {
      return this.fail('server_unavailable', String(error));
    }
    if (this.#state !== 'open') return;
    const answer = subscriptions.map(({ topic, qos }, index) => {
      const verdict = verdicts[index]!;
      if (verdict !== 'granted') return this.version === 5 ? verdict : 0x80;
      const granted = qos === 0 ? 0 : 1;
      this.broker.sessions.subscribe(this.#sessionId, topic, granted);
      return granted;
    });
    const allowed = new Map(
      subscriptions.flatMap(({ topic }, index) =>
        verdicts[index] === 'granted' ? [[topic, answer[index] as 0 | 1] as const] : [],
      ),
    );
    const reply = (): void =>
      this.#write(
        packetBytes({ cmd: 'suback', messageId: messageId!, granted: answer }, this.version),
      );
    if (allowed.size === 0) return reply();
    this.#suback.set(messageId!, reply);
    this.#toSession({
      cmd: 'subscribe',
      messageId: messageId!,
      subscriptions: [...allowed].map(([topic, qos]) => ({ topic, qos })),
    });
  }

  #unsubscribe({ messageId, unsubscriptions }: IUnsubscribePacket): void {
    if (unsubscriptions.length === 0)
      throw new ConnectionFault('protocol_error', 'UNSUBSCRIBE names no topic.');
    const known = new Set(
      this.broker.sessions.subscriptionsOf(this.#sessionId).map(({ topic }) => topic),
    );
    const granted = unsubscriptions.map((topic) => (known.has(topic) ? 0x00 : 0x11));
    for (const topic of unsubscriptions) this.broker.sessions.unsubscribe(this.#sessionId, topic);
    const reply = (): void =>
      this.#write(packetBytes({ cmd: 'unsuback', messageId: messageId!, granted }, this.version));
    const mine = unsubscriptions.filter((topic) => known.has(topic));
    if (mine.length === 0) return reply();
    this.#suback.set(messageId!, reply);
    this.#toSession({ cmd: 'unsubscribe', messageId: messageId!, unsubscriptions: mine });
  }

  // --- from aedes --------------------------------------------------------------------------------

  #fromSession(frame: Buffer): void {
    if (this.#state === 'closed') return;
    switch (packetTypeOf(frame)) {
      case PacketType.connack:
        this.#connack?.();
        this.#connack = undefined;
        return;
      case PacketType.suback:
      case PacketType.unsuback: {
        const { messageId = 0 } = readPacket(frame, 4);
        this.#suback.get(messageId)?.();
        this.#suback.delete(messageId);
        return;
      }
      case PacketType.publish:
        return this.#deliver(frame);
      default:
    }
  }

  #deliver(frame: Buffer): void {
    // Whatever its size, a message goes out when what was before it has.
    if (this.#backlogBytes > this.broker.config.limits.queuedBytes) return this.fail('slow_reader');
    const packet = readPacket(frame, 4) as IPublishPacket;
    const bytes = this.version === 5 ? packetBytes(packet, 5) : frame;
    if (bytes.length > this.#maxOutgoingBytes) {
      // It would be a protocol error to send it (MQTT 5.0, 3.1.2.11.4); the session is to forget it.
      if (packet.qos > 0) this.#toSession({ cmd: 'puback', messageId: packet.messageId! });
      this.broker.note('packet_too_large', this, 'for the device');
    } else if (packet.qos === 0 || this.#window.admits(packet.messageId!, bytes))
      this.#write(bytes);
  }

  // --- writing and ending ------------------------------------------------------------------------

  #toSession(packet: Packet): void {
    if (!this.#side.destroyed) this.#side.push(packetBytes(packet, 4));
  }

  #write(bytes: Buffer): void {
    if (this.stream.destroyed || this.stream.writableEnded) return;
    if (!this.#corked) {
      // What one commit answers leaves in one piece.
      this.#corked = true;
      this.stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.stream.uncork();
      });
    }
    this.stream.write(bytes);
  }

  /** Bytes that the device has not read. */
  get #backlogBytes(): number {
    return this.stream.writableLength + this.#window.waitingBytes;
  }

  /** Says what was still to be said, for a moment; a device that does not read it is cut off. */
  #hangUp(atOnce: boolean): void {
    this.stream.resume();
    if (atOnce || this.stream.writableLength > this.broker.config.limits.queuedBytes) {
      this.stream.destroy();
      return;
    }
    const cut = setTimeout(() => this.stream.destroy(), FAREWELL_MS);
    this.stream.once('close', () => clearTimeout(cut));
    this.stream.end(() => this.stream.destroy());
  }

  /** The other end is gone, without goodbye. */
  #gone(): void {
    this.#end('disconnected');
  }

  #end(why: 'disconnected' | 'timeout'): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.broker.holdPartial(-this.#frames.partialBytes);
    this.#intake.close();
    this.#queue = [];
    this.broker.sessions.leave(this.#sessionId, this);
    this.#side.destroy();
    this.#hangUp(why === 'timeout');
    this.broker.left(this, { joined: this.#joined, why, will: this.#will });
  }
}
