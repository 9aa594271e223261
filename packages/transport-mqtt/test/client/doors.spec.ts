import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Transport } from '@wattproof/core/spi';
import { createTransport, TransportHost } from '@wattproof/core/testing';
import plugin from '../../src/index.js';
import { ScriptedBroker } from './scripted-broker.js';

const pem = (name: string): string =>
  readFileSync(new URL(`../broker/test-only-certificates/${name}.pem`, import.meta.url), 'utf8');

describe('the ways to a broker', () => {
  let broker: ScriptedBroker;
  let host: TransportHost;
  let transport: Transport;

  beforeEach(async () => {
    host = await TransportHost.open();
    host.ingest.answerBy((arrival) => arrival.commit());
  });
  afterEach(async () => {
    await transport.stop();
    await Promise.all([broker.close(), host.close()]);
  });

  async function start(scheme: string, client: object = {}): Promise<Transport> {
    const config = { url: `${scheme}://127.0.0.1:${broker.port}`, client };
    transport = await createTransport(plugin, config, host);
    await transport.start(host.ingest);
    return transport;
  }
  async function takesAMessage(): Promise<void> {
    const session = await broker.session(0);
    session.publish(1, '{}');
    await broker.until(() => session.acknowledged[0]);
    expect((await transport.health()).ready).toBe(true);
  }

  it('are TLS with an authority of its own', async () => {
    broker = await ScriptedBroker.listenTls({ cert: pem('server'), key: pem('server.key') });
    await start('mqtts', { tls: { ca: pem('server'), serverName: 'localhost' } });
    await takesAMessage();
  });

  it.each([
    ['nobody known has signed', {}, /self-signed certificate/],
    ['is of another name', { ca: pem('server'), serverName: 'broker.example' }, /altnames|Host/],
    [
      'another authority should have signed',
      { ca: pem('authority'), serverName: 'localhost' },
      /self-signed/,
    ],
  ])('are no TLS with a certificate that %s', async (_, tls, problem) => {
    broker = await ScriptedBroker.listenTls({ cert: pem('server'), key: pem('server.key') });
    const { ready, detail } = await (await start('mqtts', { tls })).health();
    expect({ ready, sessions: broker.sessions.length }).toEqual({ ready: false, sessions: 0 });
    expect(detail).toMatch(problem);
  });

  it('are mutual TLS with a certificate of ours, and without it none', async () => {
    broker = await ScriptedBroker.listenTls({
      cert: pem('server'),
      key: pem('server.key'),
      ca: pem('authority'),
      requestCert: true,
      rejectUnauthorized: true,
    });
    const tls = { ca: pem('server'), serverName: 'localhost' };
    expect((await (await start('mqtts', { tls })).health()).ready).toBe(false);
    await transport.stop();
    await start('mqtts', { tls: { ...tls, cert: pem('device'), key: pem('device.key') } });
    await takesAMessage();
  });

  it('are WebSocket, with the subprotocol of MQTT', async () => {
    const server = createServer();
    broker = await ScriptedBroker.listenHttp(server);
    const protocols: string[] = [];
    new WebSocketServer({ server }).on('connection', (socket) => {
      protocols.push(socket.protocol);
      broker.serve(createWebSocketStream(socket));
    });
    await start('ws');
    await takesAMessage();
    expect(protocols).toEqual(['mqtt']);
  });

  it('show user name and password in CONNECT, and to nobody else', async () => {
    broker = await ScriptedBroker.listen();
    const { detail, facts } = await (
      await start('mqtt', { username: 'gateway', password: 'hunter2' })
    ).health();
    const { packets } = await broker.session(0);
    expect(packets[0]).toMatchObject({ username: 'gateway', password: Buffer.from('hunter2') });
    expect(JSON.stringify({ detail, facts })).not.toContain('hunter2');
  });
});
