import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `message`: half of what the device sends goes through. `answer`: all of it, and nothing of the answer comes back. */
export type CutAt = 'message' | 'answer';

/** Devices come back at once: thousands of times while a gateway starts, if they heard at once that nobody listens. */
const REFUSED_AFTER_MS = 100;

/** A wire between devices and a gateway that can be cut. Its port stays, wherever the gateway listens next. */
export class CuttingProxy {
  readonly #sockets = new Set<Socket>();
  #armed: { readonly at: CutAt; readonly done: () => void } | undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: () => Promise<number>,
  ) {}

  static async listen(target: () => Promise<number>): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, target);
    server.on('connection', (device) => void proxy.#join(device));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Cuts the connection of the next message, in the middle of it or before its answer, and every other; resolves when it is done. */
  cut(at: CutAt): Promise<void> {
    return new Promise((done) => (this.#armed = { at, done }));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.#destroyAll();
    await closed;
  }

  async #join(device: Socket): Promise<void> {
    this.#keep(device);
    device.pause();
    const port = await this.target().catch(() => undefined);
    if (port === undefined || device.destroyed) return void device.destroy();
    const gateway = connect(port, '127.0.0.1');
    this.#keep(gateway);
    device.on('close', () => gateway.destroy());
    let isRefused = true;
    gateway.on('connect', () => (isRefused = false));
    gateway.on('close', () => {
      if (isRefused) setTimeout(() => device.destroy(), REFUSED_AFTER_MS);
      else device.destroy();
    });
    device.on('data', (chunk) => {
      const armed = this.#armed?.at === 'message' ? this.#armed : undefined;
      if (!armed) return void gateway.write(chunk);
      this.#armed = undefined;
      // Both halves of the connection end when the first half of the message is with the gateway.
      gateway.write(chunk.subarray(0, chunk.length >> 1), () => this.#end(armed.done));
    });
    gateway.on('data', (chunk) => {
      if (this.#armed?.at !== 'answer') return void device.write(chunk);
      const { done } = this.#armed;
      this.#armed = undefined;
      this.#end(done);
    });
    device.resume();
  }

  #end(done: () => void): void {
    this.#destroyAll();
    done();
  }
  #destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
