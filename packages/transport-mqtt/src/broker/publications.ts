import type { IPublishPacket } from 'mqtt-packet';
import { AckOrder } from '../ack-order.js';
import type { LinkMessage, Outcome } from '../link.js';
import type { Agreement } from './agreement.js';
import type { Broker } from './broker.js';
import type { Connection } from './connection.js';
import { ConnectionFault } from './connection-fault.js';
import { Intake } from './intake.js';
import { bareAck, checkPacketIdentifier, packetBytes } from './packets.js';

const LONGEST_STRING = 65_535;
/** Wildcards, NUL, and what the parser writes where a topic is no UTF-8 (MQTT 5.0, 1.5.4 and 3.3.2.1). */
const NO_TOPIC = /[+#\u0000\uFFFD]/;
/** How long an acknowledgement waits for those of messages that came before. */
const ACK_ORDER_MS = 250;

interface Published {
  readonly packet: IPublishPacket;
  readonly payloadBytes: number | undefined;
}

/** What a device publishes, up to its acknowledgement. */
export class Publications {
  readonly intake: Intake;
  /** Messages under way, by packet identifier. */
  readonly #unanswered = new Map<number, Published>();
  readonly #acks = new AckOrder<Buffer>();
  #pass: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: {
      readonly broker: Broker;
      readonly connection: Connection;
      readonly agreement: Agreement;
      readonly write: (bytes: Buffer) => void;
      /** Runs it; what it throws ends the connection. */
      readonly guard: (run: () => void) => void;
      readonly freed: () => void;
    },
  ) {
    const { broker, connection, freed } = parts;
    this.intake = new Intake({
      take: (message) => broker.take(connection, message),
      clock: broker.monotonic,
      inFlight: broker.config.limits.inFlight,
      inFlightBytes: broker.config.limits.inFlightBytes,
      hold: (bytes) => (broker.inFlightBytes += bytes),
      allHaveRoom: () => broker.inFlightBytes < broker.config.limits.allInFlightBytes,
      freed,
    });
  }

  /** `payloadBytes`: what the payload had, if it was cut short. */
  take(packet: IPublishPacket, payloadBytes?: number): void {
    const { topic, qos, messageId = 0, properties } = packet;
    if (properties?.topicAlias !== undefined)
      throw new ConnectionFault('topic_alias_invalid', 'A topic alias came; none was offered.');
    if (topic === '' || NO_TOPIC.test(topic))
      throw new ConnectionFault('topic_name_invalid', 'A message has a topic that is none.');
    if (qos > 0) {
      checkPacketIdentifier(messageId);
      const same = this.#unanswered.get(messageId);
      // The acknowledgement under way answers both. Two would answer a later message with this number, too.
      if (same !== undefined && packet.dup && isSame(same, { packet, payloadBytes })) return;
      if (same !== undefined)
        throw new ConnectionFault('protocol_error', `Packet identifier ${messageId} is in use.`);
      this.#unanswered.set(messageId, { packet, payloadBytes });
      this.#acks.expect(messageId);
    }
    const { broker, connection, guard } = this.parts;
    broker.seen(connection);
    this.intake.add(messageOf(packet, payloadBytes, connection), (outcome) => {
      if (qos === 0) return;
      guard(() => this.#acknowledge(messageId, this.#ackBytes(messageId, qos, outcome)));
    });
  }

  /** Acknowledges what waits for the acknowledgement of another. */
  flush(): void {
    clearTimeout(this.#pass);
    this.#pass = undefined;
    this.#write(this.#acks.pass());
  }

  close(): void {
    this.intake.close();
    clearTimeout(this.#pass);
  }

  /** In the order the messages came (MQTT 3.1.1 and 5.0, 4.6); one that takes long holds up the others for a moment only. */
  #acknowledge(messageId: number, bytes: Buffer): void {
    this.#write(this.#acks.settle(messageId, bytes));
    if (this.#acks.blocked > 0) this.#pass ??= setTimeout(() => this.flush(), ACK_ORDER_MS);
  }

  #write(acks: readonly (readonly [messageId: number, bytes: Buffer])[]): void {
    for (const [messageId, bytes] of acks) {
      this.#unanswered.delete(messageId);
      this.parts.write(bytes);
    }
  }

  #ackBytes(
    messageId: number,
    qos: 1 | 2,
    { reasonCode, properties }: Outcome & { kind: 'acknowledge' },
  ): Buffer {
    const { agreement } = this.parts;
    const { version, maxOutgoingBytes } = agreement;
    const cmd = qos === 1 ? 'puback' : 'pubrec';
    const packet = { cmd, messageId, ...(version === 5 ? { reasonCode } : {}) } as const;
    const userProperties = this.#tellable(properties);
    if (userProperties !== undefined) {
      const told = packetBytes({ ...packet, properties: { userProperties } }, 5);
      if (told.length <= maxOutgoingBytes) return told;
    }
    return qos === 1 && (reasonCode === 0 || version !== 5)
      ? bareAck(messageId)
      : packetBytes(packet, version);
  }

  /** What the device wants to hear, and strings can say (MQTT 5.0, 1.5.4). */
  #tellable(properties: Readonly<Record<string, string>> = {}): Record<string, string> | undefined {
    const { version, tellsProblems } = this.parts.agreement;
    if (version !== 5 || !tellsProblems) return undefined;
    const said = Object.entries(properties).filter(
      ([, value]) => Buffer.byteLength(value) <= LONGEST_STRING && !value.includes('\0'),
    );
    return said.length === 0 ? undefined : Object.fromEntries(said);
  }
}

function messageOf(
  { topic, payload, qos, retain, dup, properties }: IPublishPacket,
  payloadBytes: number | undefined,
  { source, caller }: Connection,
): LinkMessage {
  const contentType = properties?.contentType;
  return {
    topic,
    payload: Buffer.from(payload as Buffer),
    qos,
    retain,
    duplicate: dup,
    source,
    ...(payloadBytes === undefined ? {} : { payloadBytes }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(caller === undefined ? {} : { caller }),
  };
}

function isSame(a: Published, b: Published): boolean {
  const isPayload = Buffer.compare(a.packet.payload as Buffer, b.packet.payload as Buffer) === 0;
  return a.packet.topic === b.packet.topic && a.payloadBytes === b.payloadBytes && isPayload;
}
