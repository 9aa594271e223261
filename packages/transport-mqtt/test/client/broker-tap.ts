import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { SendOutcome } from '@wattproof/core/testing';

/** Reads what passes over one connection, in the protocol of the broker. */
export interface Reader {
  fromBroker(bytes: Buffer): void;
  fromGateway(bytes: Buffer): void;
}

/** A message on its way through a broker, and the connection over which the broker gave it to the gateway last. */
export class Handed {
  readonly #told = Promise.withResolvers<SendOutcome>();
  link: TappedLink | undefined;
  isSettled = false;

  constructor(readonly key: string) {}

  /** What the gateway told the broker of it. */
  get told(): Promise<SendOutcome> {
    return this.#told.promise;
  }
  settle(outcome: SendOutcome): void {
    this.isSettled = true;
    this.#told.resolve(outcome);
  }
}

/** One connection of the gateway to the broker. */
export class TappedLink {
  readonly #deliveries = new Map<string, Handed>();

  constructor(
    private readonly tap: BrokerTap,
    private readonly gateway: Socket,
  ) {}

  /** The broker gave the gateway this message, to be settled under `id`. A message that came before is the same one again. */
  delivered(id: string, key: string): void {
    const handed = this.tap.under.find((one) => one.key === key && one.link === undefined);
    if (handed === undefined) return;
    handed.link = this;
    this.#deliveries.set(id, handed);
  }
  settled(id: string, outcome: SendOutcome): void {
    const handed = this.#deliveries.get(id);
    this.#deliveries.delete(id);
    // What goes back to the broker comes again; its sender was told that once.
    if (handed !== undefined && outcome === 'retry') handed.link = undefined;
    handed?.settle(outcome);
  }
  /** What was not settled is the broker's again. */
  ended(): void {
    for (const handed of this.#deliveries.values()) handed.link = undefined;
  }

  cut(): void {
    this.gateway.destroy();
  }
  /** As if the broker had sent it. Resolves when the gateway has ended the connection. */
  async inject(bytes: Uint8Array): Promise<void> {
    const closed = new Promise((resolve) => this.gateway.once('close', resolve));
    this.gateway.write(bytes);
    await closed;
  }
}

/** Between the gateway and a broker: passes every byte on as it is, and sees what the broker is told of which message. */
export class BrokerTap {
  readonly under: Handed[] = [];
  readonly #links = new Set<TappedLink>();
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async listen(
    brokerPort: number,
    readerOf: (link: TappedLink) => Reader,
  ): Promise<BrokerTap> {
    const server = createServer();
    const tap = new BrokerTap(server);
    server.on('connection', (gateway) => tap.#join(gateway, brokerPort, readerOf));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return tap;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  /** The newest connection of the gateway. */
  get link(): TappedLink {
    return [...this.#links].at(-1)!;
  }

  /** A message that is about to be sent to the broker, known again by its `key`: where it goes and its bytes. */
  expect(key: string): Handed {
    const handed = new Handed(key);
    this.under.push(handed);
    return handed;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(gateway: Socket, port: number, readerOf: (link: TappedLink) => Reader): void {
    const link = new TappedLink(this, gateway);
    const reader = readerOf(link);
    const broker = connect(port, '127.0.0.1');
    this.#links.add(link);
    gateway.on('data', (bytes) => reader.fromGateway(bytes)).pipe(broker);
    broker.on('data', (bytes) => reader.fromBroker(bytes)).pipe(gateway);
    for (const [one, other] of [
      [gateway, broker],
      [broker, gateway],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => one.destroy());
      one.once('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    gateway.once('close', () => {
      this.#links.delete(link);
      link.ended();
    });
  }
}
