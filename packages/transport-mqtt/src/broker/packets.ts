import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { ConnectionFault } from './connection-fault.js';

/** 3: MQTT 3.1; 4: MQTT 3.1.1; 5: MQTT 5.0. */
export type Version = 3 | 4 | 5;

/** First four bits of a packet (MQTT 3.1.1, 2.2.1), of those that are told apart before they are read. */
export const PacketType = { connect: 1, connack: 2, publish: 3, suback: 9, unsuback: 11 } as const;

export function packetTypeOf(frame: Uint8Array): number {
  return frame[0]! >> 4;
}

/** Reads whole packets. It keeps nothing between two of them, so that all connections share one for each version. */
class PacketParser {
  #parser = parser();
  #packet: Packet | undefined;
  #error: unknown;

  constructor(private readonly version: Version) {
    this.#renew();
  }

  read(frame: Buffer): Packet {
    this.#packet = undefined;
    this.#error = undefined;
    try {
      this.#parser.parse(frame);
    } catch (error) {
      this.#error = error;
    }
    const packet = this.#packet as Packet | undefined;
    if (this.#error === undefined && packet !== undefined) return withoutDoubles(packet);
    this.#renew();
    throw new ConnectionFault('malformed_packet', 'A packet cannot be read.', {
      cause: this.#error,
    });
  }

  #renew(): void {
    this.#parser = parser({ protocolVersion: this.version });
    this.#parser.on('packet', (packet) => (this.#packet = packet));
    this.#parser.on('error', (error: unknown) => (this.#error = error));
  }
}

/** A property may be given once (MQTT 5.0, 2.2.2.2); the parser makes a list of one that came more often, whatever its type. */
function withoutDoubles(packet: Packet): Packet {
  const properties = 'properties' in packet ? packet.properties : undefined;
  const ofWill = packet.cmd === 'connect' ? packet.will?.properties : undefined;
  for (const [name, value] of Object.entries({ ...ofWill, ...properties }))
    if (Array.isArray(value))
      throw new ConnectionFault('protocol_error', `The property ${name} was given twice.`);
  return packet;
}

const parsers: Readonly<Record<Version, PacketParser>> = {
  3: new PacketParser(3),
  4: new PacketParser(4),
  5: new PacketParser(5),
};

export function readPacket(frame: Buffer, version: Version): Packet {
  return parsers[version].read(frame);
}

/** The packet that begins a connection. It says its own version, so its parser serves no second packet. */
export function readConnect(frame: Buffer): IConnectPacket {
  const packet = new PacketParser(4).read(frame);
  if (packet.cmd === 'connect') return packet;
  throw new ConnectionFault('protocol_error', `The first packet is ${packet.cmd}, not connect.`);
}

/**
 * Whether a CONNECT is of a version there is (MQTT 3.1.1, 3.1.2.2); the highest bit is a bridge's. True for one that cannot
 * be read at all, which is not a matter of versions.
 */
export function isKnownVersion(frame: Buffer): boolean {
  let at = 1;
  while (frame[at]! >= 0x80) at += 1;
  const length = (frame[at + 1]! << 8) | frame[at + 2]!;
  const name = frame.toString('latin1', at + 3, at + 3 + length);
  const level = frame[at + 3 + length];
  if ((name !== 'MQTT' && name !== 'MQIsdp') || level === undefined) return true;
  return [3, 4, 5].includes(level & 0x7f);
}

export function packetBytes(packet: Packet, version: Version): Buffer {
  return generate(packet, { protocolVersion: version });
}

/** It is never 0 (MQTT 3.1.1, 2.3.1; 5.0, 2.2.1), which the parser does not look at. */
export function checkPacketIdentifier(messageId: number): void {
  if (messageId === 0)
    throw new ConnectionFault('protocol_error', 'A packet has 0 in place of its identifier.');
}

/** PUBACK without reason code or properties: the same four bytes in every version, and by far the most frequent packet. */
export function bareAck(messageId: number): Buffer {
  return Buffer.from([0x40, 0x02, messageId >> 8, messageId & 0xff]);
}
