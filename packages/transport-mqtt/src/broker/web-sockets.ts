import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { HttpHost } from '@wattproof/core/spi';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { BrokerConfig } from './broker.config.js';
import type { Origin } from './connection.js';
import { mayConnect } from './page-origin.js';
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

const FORBIDDEN = [
  '403 Forbidden',
  'origin_not_allowed',
  'Pages of this origin may not connect. Name it in listen.websocket.allowedOrigins.',
] as const;
const NO_ROOM = ['503 Service Unavailable', 'server_busy', 'Come again in some seconds.'] as const;

/** Answers a handshake that leads to no connection, as the gateway answers requests (RFC 9457). */
function refuse(socket: Duplex, [status, code, detail]: typeof FORBIDDEN | typeof NO_ROOM): void {
  const title = status.slice(4);
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status: parseInt(status),
    code,
    detail,
  });
  socket.once('error', () => socket.destroy());
  socket.resume();
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

/** MQTT over WebSocket on a server of its own; whatever the path. `refused`: counts why a handshake led to nothing. */
export function acceptWebSockets(
  server: Server,
  config: BrokerConfig,
  accept: Accept,
  refused: (code: string) => void,
): void {
  const sockets = webSocketServer(config);
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const { origin, host } = request.headers;
    if (!mayConnect({ origin, host }, config.websocket?.allowedOrigins ?? [])) {
      refused('origin_not_allowed');
      return refuse(socket, FORBIDDEN);
    }
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
  refused: (code: string) => void,
): void {
  const sockets = webSocketServer(config);
  http.upgrade(path, ({ method, url, headers, source, certificate }, raw, head) => {
    const socket = raw as Socket;
    const address = source ?? addressOf(socket);
    const origin = headers.get('origin') ?? undefined;
    const host = headers.get('host') ?? undefined;
    if (!mayConnect({ origin, host }, config.websocket?.allowedOrigins ?? [])) {
      refused('origin_not_allowed');
      return refuse(socket, FORBIDDEN);
    }
    if (!admit(address, socket)) return refuse(socket, NO_ROOM);
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
