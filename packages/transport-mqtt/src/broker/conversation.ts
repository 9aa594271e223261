import type { Agreement } from './agreement.js';
import type { Broker } from './broker.js';
import type { Connection } from './connection.js';
import { ConnectionFault } from './connection-fault.js';
import { Deliveries } from './deliveries.js';
import type { Received } from './packet-queue.js';
import type { PacketWriter } from './packet-writer.js';
import { packetBytes } from './packets.js';
import type { Patience } from './patience.js';
import { Publications } from './publications.js';
import type { SessionLife } from './sessions.js';

const WITH_WILL = 0x04;

/**
 * What a device and the broker say to each other once it is let in. What is published goes to `Publications`, what is subscribed
 * to `Deliveries`.
 */
export class Conversation {
  readonly #publications: Publications;
  readonly #deliveries: Deliveries;
  #isOver = false;

  constructor(
    private readonly parts: {
      readonly broker: Broker;
      readonly connection: Connection;
      readonly agreement: Agreement;
      readonly life: SessionLife;
      readonly patience: Patience;
      readonly writer: PacketWriter;
      /** Runs it; what it throws ends the connection. */
      readonly guard: (run: () => void) => void;
      readonly failed: (error: unknown) => void;
      /** There may be room again. */
      readonly freed: () => void;
      /** The device ends it. */
      readonly goodbye: (how: { readonly tellsWill: boolean }) => void;
    },
  ) {
    const { writer } = parts;
    this.#publications = new Publications({ ...parts, write: (bytes) => writer.write(bytes) });
    this.#deliveries = new Deliveries(parts);
  }

  get id(): string {
    return this.parts.agreement.sessionId;
  }

  get life(): SessionLife {
    return this.parts.life;
  }

  /** One and a half times what was agreed on (MQTT 3.1.1 and 5.0, 3.1.2.10). */
  get keepAliveMs(): number {
    return this.parts.agreement.keepAliveSeconds * 1500;
  }

  /** Since when nothing of it could be stored; undefined while things go well. */
  get withheldSinceMs(): number | undefined {
    return this.#publications.intake.withheldSinceMs;
  }

  get hasRoomForMessages(): boolean {
    return this.#publications.intake.hasRoom;
  }

  /** Who does not read the answers is not asked for more questions. */
  get isAnswered(): boolean {
    const { broker, patience, writer } = this.parts;
    const backlogBytes = writer.backlogBytes + this.#deliveries.waitingBytes;
    const isRead = backlogBytes <= broker.config.limits.queuedBytes;
    patience.isAnswered(isRead);
    return isRead;
  }

  hasRoomFor({ packet: { cmd } }: Received): boolean {
    if (this.#isOver || !this.isAnswered) return false;
    return cmd === 'publish'
      ? this.hasRoomForMessages && this.#deliveries.isSettled
      : this.#deliveries.hasRoom;
  }

  /** What has waited for the device goes out. */
  resume(): void {
    this.#deliveries.resume();
  }

  take({ packet, payloadBytes }: Received): void {
    const { broker, connection, agreement, writer } = this.parts;
    const { version } = agreement;
    switch (packet.cmd) {
      case 'publish':
        return this.#publications.take(packet, payloadBytes);
      case 'pubrel': {
        // Nothing is kept of QoS 2 between the two halves: what is sent again is known by its content.
        const { messageId = 0 } = packet;
        return writer.write(packetBytes({ cmd: 'pubcomp', messageId }, version));
      }
      case 'pingreq':
        broker.seen(connection);
        return writer.write(packetBytes({ cmd: 'pingresp' }, version));
      case 'puback':
        return this.#deliveries.acknowledged(packet.messageId!);
      case 'subscribe':
        this.#deliveries.subscribe(packet).catch(this.parts.failed);
        return;
      case 'unsubscribe':
        return this.#deliveries.unsubscribe(packet);
      case 'disconnect': {
        const expirySeconds = packet.properties?.sessionExpiryInterval;
        if (expirySeconds !== undefined) broker.sessions.keepFor(this.id, expirySeconds * 1000);
        return this.parts.goodbye({ tellsWill: packet.reasonCode === WITH_WILL });
      }
      default:
        throw new ConnectionFault('protocol_error', `A device does not send ${packet.cmd}.`);
    }
  }

  /** Resolves when what is under way has been answered. */
  async settle(): Promise<void> {
    await this.#publications.intake.idle();
    this.#publications.flush();
  }

  close(): void {
    this.#isOver = true;
    this.#publications.close();
    this.parts.broker.sessions.leave(this.id, this.parts.connection);
    this.#deliveries.close();
  }
}
