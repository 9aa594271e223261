import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { HttpHost } from '@wattproof/core/spi';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { BrokerConfig } from './broker.config.js';
import type { Origin } from './connection.js';
import { addressOf, certificateOf } from './peer.js';

type Accept = (stream: Duplex, origin: Origin) => void;

/** Headers of the opening handshake (RFC 6455, 4.2.1). */
const HANDSHAKE = [
  'upgrade',
  'connection',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'origin',
] as const;
/** Names of the subprotocol, of 3.1.1 and 5.0 (6.0), and of 3.1. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];

function webSocketServer(config: BrokerConfig): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: config.limits.maxPacketBytes,
    handleProtocols: (offered) => SUBPROTOCOLS.find((one) => offered.has(one)) ?? false,
  });
}

/** MQTT over WebSocket on a server of its own; whatever the path. */
export function acceptWebSockets(server: Server, config: BrokerConfig, accept: Accept): void {
  const sockets = webSocketServer(config);
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, (opened) => {
      accept(createWebSocketStream(opened), {
        address: addressOf(socket),
        certificate: socket instanceof TLSSocket ? certificateOf(socket) : undefined,
      });
    });
  });
}

/** MQTT over WebSocket on the gateway's own server. `admit` false: there is no room for it. */
export function acceptFromHost(
  http: HttpHost,
  path: string,
  config: BrokerConfig,
  admit: (address: string, socket: Duplex) => boolean,
  accept: Accept,
): void {
  const sockets = webSocketServer(config);
  http.upgrade(path, ({ method, url, headers, source, certificate }, raw, head) => {
    const socket = raw as Socket;
    const address = source ?? addressOf(socket);
    if (!admit(address, socket)) {
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
      );
      return;
    }
    const said = HANDSHAKE.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    const request = {
      method,
      url,
      headers: Object.fromEntries(said),
    } as unknown as IncomingMessage;
    sockets.handleUpgrade(request, socket, Buffer.from(head), (opened) => {
      accept(createWebSocketStream(opened), { address, certificate });
    });
  });
}
