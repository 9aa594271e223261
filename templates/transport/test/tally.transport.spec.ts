import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ACCEPTED_ITEM, createTransport, TransportHost } from '@wattproof/core/testing';
import plugin from '../src/index.js';
import type { TallyTransport } from '../src/tally.transport.js';

class Device {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;
  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.#lines = createInterface(this.socket)[Symbol.asyncIterator]();
  }
  /** The next answer; undefined when the connection has ended. */
  async answer(): Promise<Record<string, unknown> | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : (JSON.parse(value) as Record<string, unknown>);
  }
}

/** What the kit cannot know: how Tally writes it. */
describe('a transport over Tally', () => {
  let host: TransportHost;
  let transport: TallyTransport;
  let device: Device;
  beforeEach(async () => {
    host = await TransportHost.open();
    transport = (await createTransport(
      plugin,
      { port: 0, maxLineBytes: 64 },
      host,
    )) as TallyTransport;
    await transport.start(host.ingest);
    device = new Device(transport.port);
  });
  afterEach(async () => {
    device.socket.destroy();
    await transport.stop();
    await host.close();
  });

  it('writes one line per message: what became of it, or when to send it again', async () => {
    device.socket.write('{}\n{}\n{}\n{}\n');
    (await host.ingest.arrival()).commit();
    assert.deepEqual(await device.answer(), { ok: true, items: [ACCEPTED_ITEM] });
    (await host.ingest.arrival()).refuse('unknown_key', 'register');
    assert.deepEqual(await device.answer(), { ok: false, code: 'unknown_key', detail: 'register' });
    (await host.ingest.arrival()).retryLater(70);
    const { code, retry_after_ms: after } = (await device.answer()) ?? {};
    assert.deepEqual([code, after], ['store_unavailable', 70]);
    (await host.ingest.arrival()).fail();
    assert.equal((await device.answer())?.['code'], 'store_unavailable');
  });

  it('keeps a message that comes in pieces together and drops one that never ends', async () => {
    device.socket.write('{"a":');
    device.socket.write('2}\n');
    const arrival = await host.ingest.arrival();
    assert.equal(arrival.text, '{"a":2}');
    arrival.commit();
    await device.answer();
    device.socket.write('x'.repeat(65));
    assert.equal((await device.answer())?.['code'], 'too_long');
    assert.equal(await device.answer(), undefined);
    assert.equal(host.ingest.arrivals.length, 1);
  });

  it('does not wait for a device that keeps its half of the connection open', async () => {
    const silent = connect({ port: transport.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(silent, 'connect');
    device.socket.write('{}\n'); // a later connection was served, so both are known
    (await host.ingest.arrival()).commit();
    await device.answer();
    await transport.stop();
    silent.destroy();
  });

  it('does not start on a port that is taken', async () => {
    const other = await createTransport(plugin, { port: transport.port }, host);
    await assert.rejects(other.start(host.ingest), /EADDRINUSE/);
  });
});
