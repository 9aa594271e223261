import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet';

/** One connection as the broker sees it. */
export class Session {
  readonly packets: Packet[] = [];

  constructor(
    readonly socket: Duplex,
    readonly version: 4 | 5,
  ) {}

  send(packet: object): void {
    this.socket.write(generate(packet as Packet, { protocolVersion: this.version }));
  }
  publish(messageId: number, payload: string | Buffer, more: Partial<IPublishPacket> = {}): void {
    const topic = 'wattproof/v1/m1/readings';
    this.send({
      cmd: 'publish',
      topic,
      payload,
      qos: 1,
      dup: false,
      retain: false,
      messageId,
      ...more,
    });
  }
  /** Ids of the PUBACKs that came, in order. */
  get acknowledged(): number[] {
    return this.packets.flatMap((one) => (one.cmd === 'puback' ? [one.messageId!] : []));
  }
  get published(): IPublishPacket[] {
    return this.packets.filter((one) => one.cmd === 'publish');
  }
}

/** A broker that does what the test says, and shows every packet it got. */
export class ScriptedBroker {
  readonly sessions: Session[] = [];
  /** What CONNECT and SUBSCRIBE are answered with. */
  connack: object = {};
  suback: (filters: number) => number[] = (filters) => Array.from({ length: filters }, () => 1);
  answersSubscribe = true;
  /** Whether the client's own messages are confirmed, and how. */
  puback: number | undefined = 0;
  readonly #sockets = new Set<Duplex>();
  #changed = Promise.withResolvers<void>();

  private constructor(readonly server: Server) {}

  static async listen(port = 0): Promise<ScriptedBroker> {
    const server = createServer();
    const broker = new ScriptedBroker(server);
    server.on('connection', (socket) => broker.serve(socket));
    await broker.#open(port);
    return broker;
  }
  static async listenTls(options: TlsOptions): Promise<ScriptedBroker> {
    const server = createTlsServer(options);
    const broker = new ScriptedBroker(server);
    server.on('secureConnection', (socket) => broker.serve(socket));
    await broker.#open(0);
    return broker;
  }
  static async listenHttp(server: Server): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(server);
    await broker.#open(0);
    return broker;
  }

  async #open(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** The connection of that number, once it has subscribed. */
  session(index: number): Promise<Session> {
    return this.until(() => {
      const session = this.sessions[index];
      return session?.packets.some(({ cmd }) => cmd === 'subscribe') ? session : undefined;
    });
  }

  /** The newest connection, once it has subscribed. */
  current(): Promise<Session> {
    return this.until(() => {
      const session = this.sessions.at(-1);
      const isThere = session?.packets.some(({ cmd }) => cmd === 'subscribe');
      return isThere === true && !session!.socket.destroyed ? session : undefined;
    });
  }

  /** Resolves as soon as `found` sees what it wants. */
  async until<Found>(found: () => Found | undefined): Promise<Found> {
    for (;;) {
      const it = found();
      if (it !== undefined) return it;
      await this.#changed.promise;
    }
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  serve(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#tell()).on('error', () => socket.destroy());
    const packets = parser();
    let session: Session | undefined;
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        session = new Session(socket, packet.protocolVersion === 5 ? 5 : 4);
        this.sessions.push(session);
      }
      session!.packets.push(packet);
      this.#answer(packet, session!);
      this.#tell();
    });
    socket.on('data', (data) => packets.parse(data));
  }

  #answer(packet: Packet, session: Session): void {
    if (packet.cmd === 'connect')
      session.send({
        cmd: 'connack',
        returnCode: 0,
        reasonCode: 0,
        sessionPresent: this.sessions.length > 1,
        ...this.connack,
      });
    if (packet.cmd === 'subscribe' && this.answersSubscribe)
      session.send({
        cmd: 'suback',
        messageId: packet.messageId,
        granted: this.suback(packet.subscriptions.length),
      });
    if (packet.cmd === 'publish' && packet.qos === 1 && this.puback !== undefined)
      session.send({ cmd: 'puback', messageId: packet.messageId, reasonCode: this.puback });
    if (packet.cmd === 'pingreq') session.send({ cmd: 'pingresp' });
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
