import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PluginHttp } from '../../gateway/plugin-http.js';

/** Hands upgraded connections to the plugin whose path it is. Paths nobody took are left to the host. */
export function serveUpgrades(server: Server, plugins: PluginHttp): void {
  if (plugins.upgradePaths.length === 0) return;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const handle = plugins.upgrade(path);
    if (handle === undefined) return;
    handle(
      {
        method: request.method ?? 'GET',
        url: request.url ?? '/',
        headers: {
          get: (name) => {
            const value = request.headers[name.toLowerCase()];
            return Array.isArray(value) ? value.join(', ') : (value ?? null);
          },
        },
        arrayBuffer: async () => new ArrayBuffer(0),
      },
      socket,
      head,
    );
  });
}
