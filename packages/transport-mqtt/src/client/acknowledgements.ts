import type { MqttClient } from 'mqtt';
import { AckOrder } from '../ack-order.js';
import type { PubackReason } from '../link.js';
import { pubackBytes } from './packet-size.js';
import { sendPacket } from './send-packet.js';
import type { Timers } from './timers.js';

export interface Acknowledgement {
  readonly reasonCode: PubackReason;
  readonly properties?: Readonly<Record<string, string>>;
}

/** PUBACKs of one connection, in the order the messages came. Packet ids mean nothing on another. */
export class Acknowledgements {
  readonly #order = new AckOrder<Acknowledgement>();
  #cancelPass: (() => void) | undefined;
  /** Of the largest packet the broker takes. */
  maxPacketBytes = Number.POSITIVE_INFINITY;

  constructor(
    private readonly parts: {
      readonly client: MqttClient;
      readonly version: number | undefined;
      /** Longest that one which takes long holds up the others. */
      readonly ackOrderMs: number;
      readonly timers: Timers;
      /** Nothing is acknowledged on a connection that has ended. */
      readonly hasEnded: () => boolean;
    },
  ) {}

  /** False when the message of that id is being taken already: the broker sent it twice. */
  expect(messageId: number): boolean {
    return this.#order.expect(messageId);
  }

  give(messageId: number, ack: Acknowledgement): void {
    this.#send(this.#order.settle(messageId, ack));
    if (this.#order.blocked > 0)
      this.#cancelPass ??= this.parts.timers.after(this.parts.ackOrderMs, () => {
        this.#cancelPass = undefined;
        this.#send(this.#order.pass());
      });
  }

  close(): void {
    this.#cancelPass?.();
  }

  #send(acks: readonly (readonly [id: number, ack: Acknowledgement])[]): void {
    const { client, version, hasEnded } = this.parts;
    if (hasEnded() || !client.connected) return;
    for (const [messageId, { reasonCode, properties }] of acks) {
      // User properties never make a packet larger than the broker takes (MQTT 5.0, 3.4.2.2.3).
      const fits = properties !== undefined && pubackBytes(properties) <= this.maxPacketBytes;
      const told = fits ? { properties: { userProperties: properties } } : {};
      sendPacket(client, {
        cmd: 'puback',
        messageId,
        ...(version === 5 ? { reasonCode, ...told } : {}),
      });
    }
  }
}
