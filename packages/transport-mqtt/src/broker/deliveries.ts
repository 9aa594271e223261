import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import type { Agreement } from './agreement.js';
import type { Broker } from './broker.js';
import type { Connection } from './connection.js';
import { ConnectionFault } from './connection-fault.js';
import { OutgoingWindow } from './outgoing-window.js';
import type { PacketWriter } from './packet-writer.js';
import {
  checkPacketIdentifier,
  packetBytes,
  PacketType,
  packetTypeOf,
  readPacket,
} from './packets.js';
import { SessionSide } from './session-side.js';
import type { SubscriptionVerdict } from './topic-rights.js';

/** Control packets on their way to aedes; beyond it the socket is not read. */
const SESSION_SIDE_BYTES = 65_536;
const QUOTA_EXCEEDED = 0x97;

/**
 * What a device hears: its subscriptions, and the messages on them, by way of aedes. A device that subscribes to nothing costs
 * nothing there.
 */
export class Deliveries {
  #side: SessionSide | undefined;
  #isClosed = false;
  /** One question about rights at a time: nobody makes the store answer thousands. */
  #isAsking = false;
  readonly #window: OutgoingWindow;
  /** SUBACKs and UNSUBACKs that wait for aedes, by packet identifier. */
  readonly #answers = new Map<number, () => void>();

  constructor(
    private readonly parts: {
      readonly broker: Broker;
      readonly connection: Connection;
      readonly agreement: Agreement;
      readonly writer: PacketWriter;
      /** Runs it; what it throws ends the connection. */
      readonly guard: (run: () => void) => void;
      readonly freed: () => void;
    },
  ) {
    this.#window = new OutgoingWindow(parts.agreement.receiveMaximum);
  }

  /** Bytes that wait for acknowledgements of the device. */
  get waitingBytes(): number {
    return this.#window.waitingBytes;
  }

  get hasRoom(): boolean {
    return !this.#isAsking && (this.#side?.readableLength ?? 0) < SESSION_SIDE_BYTES;
  }

  /** What was subscribed holds from now on: whoever subscribes and publishes at once hears the receipt. */
  get isSettled(): boolean {
    return !this.#isAsking && this.#answers.size === 0;
  }

  /** What has waited for the device goes out. */
  resume(): void {
    if (this.#subscriptions().length > 0) this.#open();
  }

  async subscribe({ messageId = 0, subscriptions, properties }: ISubscribePacket): Promise<void> {
    const { broker, connection, agreement } = this.parts;
    checkPacketIdentifier(messageId);
    if (properties?.subscriptionIdentifier !== undefined)
      throw new ConnectionFault('subscription_ids_not_supported', 'None was offered.');
    if (subscriptions.length === 0)
      throw new ConnectionFault('protocol_error', 'SUBSCRIBE names no topic.');
    this.#isAsking = true;
    const verdicts: SubscriptionVerdict[] = [];
    try {
      for (const { topic } of subscriptions)
        verdicts.push(await broker.rights.subscription(connection.caller, topic));
    } catch (cause) {
      throw new ConnectionFault('server_unavailable', 'Rights could not be checked.', { cause });
    } finally {
      this.#isAsking = false;
    }
    if (this.#isClosed) return;
    const allowed = new Map<string, 0 | 1>();
    const granted = subscriptions.map(({ topic, qos }, index) => {
      const verdict = verdicts[index]!;
      if (verdict !== 'granted') return agreement.version === 5 ? verdict : 0x80;
      const wanted = qos === 0 ? 0 : 1;
      if (!broker.sessions.subscribe(agreement.sessionId, topic, wanted))
        return agreement.version === 5 ? QUOTA_EXCEEDED : 0x80;
      allowed.set(topic, wanted);
      return wanted;
    });
    this.#answer({ cmd: 'suback', messageId, granted }, allowed.size > 0, {
      cmd: 'subscribe',
      messageId,
      subscriptions: [...allowed].map(([topic, qos]) => ({ topic, qos })),
    });
    this.parts.freed();
  }

  unsubscribe({ messageId = 0, unsubscriptions }: IUnsubscribePacket): void {
    checkPacketIdentifier(messageId);
    if (unsubscriptions.length === 0)
      throw new ConnectionFault('protocol_error', 'UNSUBSCRIBE names no topic.');
    const { broker, agreement } = this.parts;
    const known = new Set(this.#subscriptions());
    const granted = unsubscriptions.map((topic) => (known.has(topic) ? 0x00 : 0x11));
    for (const topic of unsubscriptions) broker.sessions.unsubscribe(agreement.sessionId, topic);
    const mine = unsubscriptions.filter((topic) => known.has(topic));
    this.#answer({ cmd: 'unsuback', messageId, granted }, mine.length > 0, {
      cmd: 'unsubscribe',
      messageId,
      unsubscriptions: mine,
    });
  }

  acknowledged(messageId: number): void {
    this.#side?.push(packetBytes({ cmd: 'puback', messageId }, 4));
    for (const bytes of this.#window.acknowledged(messageId)) this.parts.writer.write(bytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#side?.destroy();
  }

  /** Answers the device, after aedes has done its part if it has one. */
  #answer(answer: Packet & { messageId?: number }, isForAedes: boolean, packet: Packet): void {
    const { agreement, writer } = this.parts;
    const reply = (): void => writer.write(packetBytes(answer, agreement.version));
    if (!isForAedes) return reply();
    this.#answers.set(answer.messageId!, reply);
    this.#open().push(packetBytes(packet, 4));
  }

  #subscriptions(): readonly string[] {
    const { broker, agreement } = this.parts;
    return broker.sessions.subscriptionsOf(agreement.sessionId).map(({ topic }) => topic);
  }

  #open(): SessionSide {
    if (this.#side !== undefined) return this.#side;
    const { broker, connection, agreement, guard, freed } = this.parts;
    const side = new SessionSide({
      frame: (frame) => guard(() => this.#hear(frame)),
      wants: freed,
      gone: () => connection.fail('session_taken_over'),
    });
    this.#side = side;
    broker.attach(side);
    const { sessionId: clientId, fresh, expiryMs } = agreement;
    const clean = fresh && expiryMs === 0;
    // Silence is measured where messages are seen, and wills are told from there.
    const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4 } as const;
    side.push(packetBytes({ ...connect, clientId, clean, keepalive: 0 }, 4));
    return side;
  }

  #hear(frame: Buffer): void {
    if (this.#isClosed) return;
    switch (packetTypeOf(frame)) {
      case PacketType.suback:
      case PacketType.unsuback: {
        const { messageId = 0 } = readPacket(frame, 4);
        this.#answers.get(messageId)?.();
        this.#answers.delete(messageId);
        return this.parts.freed();
      }
      case PacketType.publish:
        return this.#deliver(frame);
      default:
      // CONNACK: the device has had its own.
    }
  }

  #deliver(frame: Buffer): void {
    const { broker, connection, agreement, writer } = this.parts;
    // Whatever its size, a message goes out when what was before it has.
    if (writer.backlogBytes + this.waitingBytes > broker.config.limits.queuedBytes)
      throw new ConnectionFault('slow_reader', 'What was sent before has not been read.');
    const packet = readPacket(frame, 4) as IPublishPacket;
    const bytes = agreement.version === 5 ? packetBytes(packet, 5) : frame;
    if (bytes.length > agreement.maxOutgoingBytes) {
      // It would be a protocol error to send it (MQTT 5.0, 3.1.2.11.4); the session is to forget it.
      if (packet.qos > 0) this.acknowledged(packet.messageId!);
      broker.note('packet_too_large', connection, 'for the device');
    } else if (packet.qos === 0 || this.#window.admits(packet.messageId!, bytes)) {
      writer.write(bytes);
    }
  }
}
