import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HttpHost, HttpRequest, HttpResponse } from '../../spi/index.js';

type Handle = (request: HttpRequest) => Promise<HttpResponse>;
type Upgrade = Parameters<HttpHost['upgrade']>[1];
type Check = Parameters<HttpHost['guard']>[1];

/** The gateway's server as a plugin sees it, on a port of this machine. Paths are taken as they are given. */
export class LocalHttpHost implements HttpHost {
  readonly guards = new Map<string, Check>();
  readonly #routes = new Map<string, Handle>();
  readonly #upgrades = new Map<string, Upgrade>();
  readonly #sockets = new Set<Duplex>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async listen(): Promise<LocalHttpHost> {
    const host = new LocalHttpHost();
    host.#server.on('connection', (socket) => {
      host.#sockets.add(socket);
      socket.once('close', () => host.#sockets.delete(socket));
    });
    host.#server.on('upgrade', (request, socket, head) => host.#upgrade(request, socket, head));
    host.#server.listen(0, '127.0.0.1');
    await once(host.#server, 'listening');
    return host;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  route(method: string, path: string, handle: Handle): void {
    this.#routes.set(`${method} ${path}`, handle);
  }
  upgrade(path: string, handle: Upgrade): void {
    this.#upgrades.set(path, handle);
  }
  guard(name: string, check: Check): void {
    this.guards.set(name, check);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = this.#requestOf(request);
    const handle = this.#routes.get(`${asked.method} ${new URL(asked.url).pathname}`);
    const answer: HttpResponse = handle
      ? await handle(asked).catch(() => ({ status: 500 }))
      : { status: 404 };
    response.writeHead(answer.status, { ...answer.headers }).end(answer.body);
  }
  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    socket.on('error', () => socket.destroy());
    const asked = this.#requestOf(request);
    const handle = this.#upgrades.get(new URL(asked.url).pathname);
    if (handle) handle(asked, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
  }
  #requestOf(request: IncomingMessage): HttpRequest {
    return {
      method: request.method ?? 'GET',
      url: new URL(request.url ?? '/', this.url).href,
      headers: {
        get: (name) => {
          const value = request.headers[name.toLowerCase()];
          return Array.isArray(value) ? value.join(', ') : (value ?? null);
        },
      },
      arrayBuffer: async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of request) chunks.push(chunk as Uint8Array);
        return new Uint8Array(Buffer.concat(chunks)).buffer;
      },
    };
  }
}
