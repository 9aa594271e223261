import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpRefusal } from './admission.js';

/** Answers a handshake that leads to no connection, as the gateway answers requests (RFC 9457). */
export function refuse(socket: Duplex, { status, code, detail, headers = {} }: HttpRefusal): void {
  const title = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ type: 'about:blank', title, status, code, detail });
  const lines = Object.entries({
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  // What is still coming in is of no interest, and the peer may already be gone.
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`);
}
