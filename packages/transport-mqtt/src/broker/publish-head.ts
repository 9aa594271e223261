import { ConnectionFault } from './connection-fault.js';
import { PacketType, packetTypeOf, type Version } from './packets.js';

/** What a person is shown of a message that nobody reads. */
const SHOWN_BYTES = 256;
const QOS = 0x06;

/** A PUBLISH whose payload is left out but for its first bytes, with the length that is left. */
export interface CutPublish {
  readonly bytes: Buffer;
  /** What the payload had. */
  readonly payloadBytes: number;
}

/**
 * Tells by its head, before its payload has come, whether a PUBLISH holds more than is taken as one message. `start`: the packet as
 * far as it has come, its fixed header complete; `length`: of all of it. `more`: it cannot be told yet.
 */
export function cutPublish(
  start: Buffer,
  length: number,
  { maxPayloadBytes, version }: { readonly maxPayloadBytes: number; readonly version: Version },
): CutPublish | 'fits' | 'more' {
  if (packetTypeOf(start) !== PacketType.publish || length <= maxPayloadBytes) return 'fits';
  const variable = endOfLength(start, 1);
  const payload = variable && payloadAt(start, variable, version);
  if (variable === undefined || payload === undefined) return 'more';
  if (length - payload <= maxPayloadBytes) return 'fits';
  if (start.length < payload + SHOWN_BYTES) return 'more';
  const body = start.subarray(variable, payload + SHOWN_BYTES);
  return {
    bytes: Buffer.concat([start.subarray(0, 1), lengthBytes(body.length), body]),
    payloadBytes: length - payload,
  };
}

/** Topic, packet identifier from QoS 1 on, and in MQTT 5 the properties come before it (5.0, 3.3.2). */
function payloadAt(start: Buffer, variable: number, version: Version): number | undefined {
  if (start.length < variable + 2) return undefined;
  const afterTopic = variable + 2 + start.readUInt16BE(variable);
  const properties = (start[0]! & QOS) === 0 ? afterTopic : afterTopic + 2;
  if (version !== 5) return properties;
  const end = endOfLength(start, properties);
  return end && end + lengthAt(start, properties);
}

/** Where a variable byte integer ends (MQTT 5.0, 1.5.5); undefined while it has not come whole. */
function endOfLength(bytes: Buffer, at: number): number | undefined {
  for (let index = at; index < at + 4; index += 1) {
    const byte = bytes[index];
    if (byte === undefined) return undefined;
    if (byte < 0x80) return index + 1;
  }
  throw new ConnectionFault('malformed_packet', 'A length in a packet has more than 4 bytes.');
}

function lengthAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let index = at, unit = 1; ; index += 1, unit *= 128) {
    value += (bytes[index]! & 0x7f) * unit;
    if (bytes[index]! < 0x80) return value;
  }
}

function lengthBytes(length: number): Buffer {
  const bytes: number[] = [];
  let rest = length;
  for (; rest > 0x7f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
