// node misbehave.mjs PORT WHAT (the gateway's own port when WHAT is of WebSocket): senders that misbehave until the parent is gone; in a process of their own, so that what it
// costs to misbehave is nobody else's latency.
import { once } from 'node:events';
import { connect } from 'node:net';
import { MqttConnection, publishPacket } from './mqtt-load.mjs';

const [port, what] = [Number(process.argv[2]), process.argv[3]];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const TOPIC = 'wattproof/v1/nobody/readings';
/** Read, hashed and told of, and refused by its header alone. */
const LARGER_THAN_A_MESSAGE = 1_080_000;
const LARGER_THAN_A_PACKET = 2_000_000;

/** What is published, where, by how many at a time, and how long each of them rests between two. */
const FLOODS = {
  'binary garbage': { bytes: Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x0a]), senders: 10, restMs: 20 },
  'larger than a message': {
    bytes: Buffer.alloc(LARGER_THAN_A_MESSAGE, 'x'),
    senders: 2,
    restMs: 200,
  },
  'larger than a packet': {
    bytes: Buffer.alloc(LARGER_THAN_A_PACKET, 'x'),
    senders: 10,
    restMs: 100,
  },
  'wrong topics': {
    topic: 'somebody/else',
    bytes: Buffer.from('{"not":"taken"}'),
    senders: 10,
    restMs: 20,
  },
};

/** Connects, says what is half a packet, is gone, comes again. */
async function comeAndGo(id) {
  for (;;) {
    const connection = await MqttConnection.open(port, `storm-${id}`).catch(() => undefined);
    connection?.garbage(Buffer.from([0x32, 0xff, 0x01, 0x00]));
    connection?.close();
    await pause(100);
  }
}

async function flood(id, { topic = TOPIC, bytes, restMs }) {
  const packet = publishPacket(topic, bytes);
  for (;;) {
    const connection = await MqttConnection.open(port, `flood-${id}`).catch(() => undefined);
    // A message that is not answered is given up with its connection.
    while (await Promise.race([connection?.publish(packet), pause(2_000)])) await pause(restMs);
    connection?.close();
    await pause(restMs);
  }
}

const HANDSHAKE = `GET /ws HTTP/1.1\r
Host: 127.0.0.1\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Sec-WebSocket-Protocol: wattproof.v1\r
\r
`;
/** A binary frame of RFC 6455 §5.2, masked with zeros, that states this length and has these bytes of it. */
function frame(length, bytes) {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, bytes]);
}
const WEBSOCKET = {
  'WebSocket: larger than a message': {
    bytes: frame(LARGER_THAN_A_PACKET, Buffer.alloc(LARGER_THAN_A_PACKET, 'x')),
    restMs: 100,
  },
  'WebSocket: garbage': { bytes: Buffer.alloc(1_000, 0xff), restMs: 100 },
  'WebSocket: reconnect storm': { bytes: frame(1_000, Buffer.alloc(10)), restMs: 100, cuts: true },
};

/** Connects, sends, and comes again when it was closed, or closes itself in the middle of a frame. */
async function intrude({ bytes, restMs, cuts = false }) {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(HANDSHAKE);
    await Promise.race([once(socket, 'data').catch(() => {}), closed]);
    socket.resume().write(bytes);
    if (cuts) socket.destroySoon();
    await closed;
    await pause(restMs);
  }
}

process.once('disconnect', () => process.exit(0));
const senders = what === 'reconnect storm' ? 20 : (FLOODS[what]?.senders ?? 0);
for (let id = 0; id < senders; id += 1)
  void (what === 'reconnect storm' ? comeAndGo(id) : flood(id, FLOODS[what]));
if (WEBSOCKET[what]) for (let id = 0; id < 10; id += 1) void intrude(WEBSOCKET[what]);
process.send?.('misbehaving');
