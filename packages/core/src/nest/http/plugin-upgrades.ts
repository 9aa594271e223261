import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Gateway } from '../../gateway/gateway.js';
import type { UpgradeRequest } from '../../spi/index.js';
import { GATEWAY } from '../tokens.js';
import { ClientCertificates } from './client-certificates.js';
import { networkOf } from './network-of.js';
import { headersOf } from './web-request.js';

const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** Hands upgraded connections to the plugin whose path it is. */
@Injectable()
export class PluginUpgrades implements BeforeApplicationShutdown {
  private readonly open = new Set<Duplex>();

  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(ClientCertificates) private readonly certificates: ClientCertificates,
  ) {}

  serve(server: Server): void {
    const { pluginHttp } = this.gateway;
    if (pluginHttp.upgradePaths.length === 0) return;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const [path = ''] = (request.url ?? '').split('?', 1);
      const handle = pluginHttp.upgrade(path);
      if (handle === undefined) {
        // Paths nobody took are the host's, if it listens too; otherwise the connection would stay open for ever.
        if (server.listenerCount('upgrade') === 1) socket.end(NOT_FOUND);
        return;
      }
      this.open.add(socket);
      // The plugin bounds its connections itself, so that devices which stay connected leave room for requests.
      const places = server.maxConnections > 0 ? 1 : 0;
      server.maxConnections += places;
      socket.once('close', () => {
        this.open.delete(socket);
        server.maxConnections -= places;
      });
      // A connection that breaks is no reason to fall; the plugin hears of it by its own listener.
      socket.on('error', () => socket.destroy());
      handle(this.asked(request), socket, head);
    });
  }

  private asked(request: IncomingMessage): UpgradeRequest {
    const { method = 'GET', url = '/', headers, socket } = request;
    const source = networkOf(socket.remoteAddress);
    const read = this.certificates.credentialOf(request, this.gateway.clock.nowMs());
    return {
      method,
      url,
      headers: headersOf(headers),
      arrayBuffer: async () => new ArrayBuffer(0),
      ...(source === undefined ? {} : { source }),
      ...(read && {
        certificate: {
          kind: 'certificate',
          publicKey: read.publicKey,
          fromMs: read.fromMs,
          untilMs: read.untilMs,
        },
      }),
    };
  }

  /** Before the server closes, which waits for every connection: plugins take leave, what they leave open is cut. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.gateway.drain();
    for (const socket of this.open) socket.destroy();
  }
}
