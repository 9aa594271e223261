import type {
  Reader,
  TappedLink,
} from '../../../../packages/transport-mqtt/test/client/broker-tap.js';

/** AMQP 0-9-1, 2.3: a frame's type, its channel, the size of what it holds; and the octet it ends with. */
const [HEAD_BYTES, END_BYTES] = [7, 1];
/** `AMQP` and the version, before the first frame of a client. */
const GREETING_BYTES = 8;
const [METHOD, HEADER, BODY] = [1, 2, 3];
/** Class 60, basic: deliver, ack, reject, nack. */
const BASIC = 60;
const [DELIVER, ACK, REJECT, NACK] = [60, 80, 90, 120];

/** Deliveries and what is said of them, in the words of the tap. */
export function amqpReader(link: TappedLink): Reader {
  /** What comes over a channel: one message after the other. */
  const incoming = new Map<number, { id: string; missing: number; readonly parts: Buffer[] }>();
  const arrived = (channel: number): void => {
    const { id, missing, parts } = incoming.get(channel)!;
    if (missing > 0) return;
    incoming.delete(channel);
    link.delivered(id, Buffer.concat(parts).toString('base64'));
  };
  return {
    fromBroker: frames(0, (type, channel, bytes) => {
      if (type === METHOD && isBasic(bytes, DELIVER)) {
        const tagAt = 5 + bytes[4]!; // behind the name of the consumer
        const id = idOf(channel, bytes, tagAt);
        incoming.set(channel, { id, missing: Number.POSITIVE_INFINITY, parts: [] });
        return;
      }
      const message = incoming.get(channel);
      if (message === undefined || (type !== HEADER && type !== BODY)) return;
      if (type === HEADER) message.missing = Number(bytes.readBigUInt64BE(4));
      else {
        message.missing -= bytes.length;
        message.parts.push(bytes);
      }
      arrived(channel);
    }),
    fromGateway: frames(GREETING_BYTES, (type, channel, bytes) => {
      if (type !== METHOD) return;
      if (isBasic(bytes, ACK)) link.settled(idOf(channel, bytes, 4), 'ack');
      if (!isBasic(bytes, NACK) && !isBasic(bytes, REJECT)) return;
      const requeue = isBasic(bytes, NACK) ? 0b10 : 0b01;
      const isRefused = (bytes[12]! & requeue) === 0;
      link.settled(idOf(channel, bytes, 4), isRefused ? 'refused' : 'retry');
    }),
  };
}

const isBasic = (bytes: Buffer, method: number): boolean =>
  bytes.readUInt16BE(0) === BASIC && bytes.readUInt16BE(2) === method;

const idOf = (channel: number, bytes: Buffer, at: number): string =>
  `${channel} ${bytes.readBigUInt64BE(at)}`;

function frames(
  greetingBytes: number,
  take: (type: number, channel: number, bytes: Buffer) => void,
): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  let skip = greetingBytes;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    if (rest.length < skip) return;
    rest = rest.subarray(skip);
    skip = 0;
    while (rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + rest.readUInt32BE(3);
      if (rest.length < end + END_BYTES) return;
      take(rest[0]!, rest.readUInt16BE(1), rest.subarray(HEAD_BYTES, end));
      rest = rest.subarray(end + END_BYTES);
    }
  };
}
