import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { HOSTS } from './hosts.js';
import { testTransport } from './test-transport.js';

/** Speaks the protocol "echo" on /echo and notes what it is given. */
function echo(notes: string[]) {
  return testTransport('echo', { http: true }, ({ http }) => {
    const open: Socket[] = [];
    http?.upgrade('/echo', (request, raw, head) => {
      const socket = raw as Socket;
      notes.push(`${request.method} ${request.url} ${request.headers.get('X-Device')}`);
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
      );
      socket.write(head);
      socket.pipe(socket);
      open.push(socket);
    });
    return () => open.forEach((socket) => socket.write('bye'));
  });
}

async function open(url: string, path: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Device: d1\r\n\r\nearly `,
  );
  return socket;
}

/** What comes in until it ends with `end`. */
async function until(socket: Socket, end: string): Promise<string> {
  let heard = '';
  while (!heard.endsWith(end)) heard += String((await once(socket, 'data'))[0]);
  return heard;
}

/** Whether the server takes another connection. */
async function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write(`GET /health/live HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
  try {
    return (await text(socket)).startsWith('HTTP/1.1 200 ');
  } catch {
    return false;
  }
}

describe.each(HOSTS)('An upgraded connection on %s', (host) => {
  it('goes to the plugin whose path it is, with what was sent early; other paths are told 404', async () => {
    const notes: string[] = [];
    const gateway = await startTestGateway({ host, parts: { plugins: [echo(notes)] } });
    const socket = await open(gateway.url, '/echo?room=1');
    expect(await until(socket, 'early ')).toMatch(/^HTTP\/1\.1 101 /);
    socket.write('ping');
    expect(await until(socket, 'ping')).toBe('ping');
    expect(notes).toEqual(['GET /echo?room=1 d1']);

    const stranger = await open(gateway.url, '/nowhere');
    expect(await until(stranger, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 /);
    await once(stranger, 'close');

    // The plugin takes leave; a connection that it leaves open keeps nothing from stopping.
    const closed = once(socket, 'close');
    const leave = until(socket, 'bye');
    await gateway.stop();
    expect(await leave).toBe('bye');
    await closed;
  });

  it('takes no place of those that requests have, and gives none away when it ends', async () => {
    const gateway = await startTestGateway({
      host,
      config: { http: { maxConnections: 1 } },
      parts: { plugins: [echo([])] },
    });
    const sockets: Socket[] = [];
    for (let count = 0; count < 3; count += 1) {
      const socket = await open(gateway.url, '/echo');
      const isCut = once(socket, 'close').then(() => 'cut');
      expect(await Promise.race([until(socket, 'early '), isCut])).toMatch(/early $/);
      sockets.push(socket);
    }
    expect(await answers(gateway.url)).toBe(true);
    for (const socket of sockets) {
      const ended = once(socket, 'close');
      socket.end();
      await ended;
    }
    const { hostname, port } = new URL(gateway.url);
    const idle = connect(Number(port), hostname);
    await once(idle, 'connect');
    expect(await answers(gateway.url)).toBe(false);
    idle.destroy();
    await gateway.stop();
  });
});
