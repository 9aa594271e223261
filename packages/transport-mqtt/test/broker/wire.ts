import { connect, type Socket } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';

/** A device that sends exactly these bytes, over a socket of its own. */
export class Wire {
  readonly packets: Packet[] = [];
  closed = false;
  readonly #parser;
  #changed = Promise.withResolvers<void>();

  private constructor(
    readonly socket: Socket,
    readonly version: 4 | 5,
  ) {
    this.#parser = parser({ protocolVersion: version });
    this.#parser.on('packet', (packet) => {
      this.packets.push(packet);
      this.#tell();
    });
    socket.on('data', (bytes) => this.#parser.parse(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#tell();
    });
  }

  static async open(port: number, version: 4 | 5 = 4): Promise<Wire> {
    const socket = connect(port, '127.0.0.1');
    const wire = new Wire(socket, version);
    await new Promise((resolve) => socket.once('connect', resolve));
    return wire;
  }

  bytes(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }
  send(packet: Packet): void {
    this.bytes(generate(packet, { protocolVersion: this.version }));
  }
  connect(options: object = {}): void {
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.version,
      clientId: 'wire',
      clean: true,
      keepalive: 0,
      ...options,
    } as Packet);
  }
  publish(topic: string, payload: string, messageId: number, dup = false): void {
    this.send({ cmd: 'publish', topic, payload, qos: 1, messageId, dup, retain: false });
  }
  /** The next packet of that kind; undefined when the connection ends without one. */
  async next(cmd: Packet['cmd']): Promise<Packet | undefined> {
    for (;;) {
      const at = this.packets.findIndex((packet) => packet.cmd === cmd);
      if (at >= 0) return this.packets.splice(at, 1)[0];
      if (this.closed) return undefined;
      await this.#changed.promise;
    }
  }
  async untilClosed(): Promise<void> {
    while (!this.closed) await this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
