// MQTT 3.1.1 load that costs the machine as little as possible: packets are bytes built beforehand, and of what a broker says
// only CONNACK and PUBACK are read.
import { once } from 'node:events';
import { connect } from 'node:net';

const CONNACK = 0x20;
const PUBACK = 0x40;
const PINGREQ = Buffer.from([0xc0, 0]);

function field(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

function packet(first, ...parts) {
  const body = Buffer.concat(parts);
  const length = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** CONNECT with a clean session; a keep alive of 0 asks for none. */
const connectPacket = (clientId, keepAliveSeconds = 0) =>
  packet(
    0x10,
    field('MQTT'),
    Buffer.from([4, 2, keepAliveSeconds >> 8, keepAliveSeconds & 255]),
    field(clientId),
  );

/** PUBLISH at QoS 1; the packet id is written before it is sent. `idAt`: where. */
export function publishPacket(topic, body) {
  const name = field(topic);
  const bytes = packet(0x32, name, Buffer.from([0, 0]), Buffer.from(body));
  return { bytes, idAt: bytes.length - Buffer.byteLength(body) - 2 };
}

/** A connection that was accepted. */
export class MqttConnection {
  #socket;
  #rest = Buffer.alloc(0);
  #waiting = new Map();
  #accepted = Promise.withResolvers();
  #lastId = 0;
  closed = false;

  static async open(port, clientId) {
    const connection = new MqttConnection();
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    connection.#socket = socket;
    socket.on('data', (chunk) => connection.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => connection.#broken());
    await once(socket, 'connect');
    socket.write(connectPacket(clientId));
    await connection.#accepted.promise;
    return connection;
  }

  /** Resolves when the PUBACK is here; false when the connection ended before. */
  publish({ bytes, idAt }) {
    const id = (this.#lastId = (this.#lastId % 65_535) + 1);
    bytes.writeUInt16BE(id, idAt);
    return new Promise((resolve) => {
      if (this.closed) return resolve(false);
      this.#waiting.set(id, resolve);
      this.#socket.write(bytes);
    });
  }
  ping() {
    this.#socket.write(PINGREQ);
  }
  /** What is no packet. */
  garbage(bytes) {
    this.#socket.write(bytes);
  }
  close() {
    this.#socket.destroy();
  }

  #broken() {
    this.closed = true;
    this.#accepted.reject(new Error('the broker closed the connection'));
    this.#accepted.promise.catch(() => {});
    for (const resolve of this.#waiting.values()) resolve(false);
    this.#waiting.clear();
  }
  #read(chunk) {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    // Everything a broker says here is shorter than 128 bytes.
    while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest[1]) {
      const end = 2 + this.#rest[1];
      const type = this.#rest[0] & 0xf0;
      if (type === CONNACK && this.#rest[3] === 0) this.#accepted.resolve();
      else if (type === CONNACK) this.#accepted.reject(new Error(`CONNACK ${this.#rest[3]}`));
      else if (type === PUBACK) {
        const id = this.#rest.readUInt16BE(2);
        this.#waiting.get(id)?.(true);
        this.#waiting.delete(id);
      }
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** Closed loop: `inFlight` messages under way on each connection. Latencies in ms from sending to PUBACK. */
export async function closedMqttLoop(port, packets, { connections, inFlight, maxSeconds = 30 }) {
  const open = await Promise.all(
    Array.from({ length: connections }, (_, i) => MqttConnection.open(port, `load-${i}`)),
  );
  const latenciesMs = [];
  let next = 0;
  const started = performance.now();
  const lane = async (connection) => {
    while (next < packets.length && performance.now() - started < maxSeconds * 1000) {
      const sentAt = performance.now();
      const message = packets[next++];
      if (!(await connection.publish(message))) throw new Error('a connection ended under load');
      latenciesMs.push(performance.now() - sentAt);
    }
  };
  await Promise.all(
    open.flatMap((connection) => Array.from({ length: inFlight }, () => lane(connection))),
  );
  const seconds = (performance.now() - started) / 1000;
  for (const connection of open) connection.close();
  return { seconds, requests: latenciesMs.length, latenciesMs };
}
