import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { InboundMessage, IngestAnswer } from '@wattproof/core/spi';
import { silentLogger } from '@wattproof/core/testing';
import { fromUtf8 } from '@wattproof/core/verify';
import plugin from '../src/index.js';
import { TallyConfig } from '../src/tally.config.js';
import { TallyTransport } from '../src/tally.transport.js';

/** A gateway that decides when, and what, it answers. */
class HeldIngest {
  readonly messages: InboundMessage[] = [];
  readonly #held: PromiseWithResolvers<IngestAnswer>[] = [];
  #arrived = Promise.withResolvers<void>();

  accept(message: InboundMessage): Promise<IngestAnswer> {
    this.messages.push(message);
    const held = Promise.withResolvers<IngestAnswer>();
    this.#held.push(held);
    this.#arrived.resolve();
    return held.promise;
  }
  async arrival() {
    await this.#arrived.promise;
    this.#arrived = Promise.withResolvers();
    return this.#held.shift() as PromiseWithResolvers<IngestAnswer>;
  }
}

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

/** Nobody can know it before the gateway has answered. */
const ITEM = {
  id: 'log_1',
  leaf_hash: 'ab'.repeat(32),
  verdict: 'accepted',
  duplicate: false,
  receipt: null,
} as const;
const ITEMS: IngestAnswer = { kind: 'items', items: [ITEM] };

describe('a transport over Tally', () => {
  let transport: TallyTransport;
  let ingest: HeldIngest;
  let device: Device;
  beforeEach(async () => {
    const context = {
      instanceId: 'tally',
      origin: 'example.org/log',
      logger: silentLogger,
      clock: { nowMs: () => 0 },
    };
    transport = new TallyTransport(TallyConfig.parse({ port: 0, maxLineBytes: 64 }), context);
    ingest = new HeldIngest();
    await transport.start(ingest);
    device = new Device(transport.port);
  });
  afterEach(async () => {
    device.socket.destroy();
    await transport.stop();
  });

  it('acknowledges when the gateway has committed, and not before', async () => {
    device.socket.write('{"a":1}\n');
    const { resolve } = await ingest.arrival();
    assert.equal(fromUtf8(ingest.messages[0]?.bytes as Uint8Array), '{"a":1}');
    assert.equal(ingest.messages[0]?.assurance, 'unsigned');
    resolve(ITEMS);
    assert.deepEqual(await device.answer(), { ok: true, items: [ITEM] });
  });

  it('tells a refusal for good from one for now', async () => {
    device.socket.write('{}\n{}\n{}\n');
    (await ingest.arrival()).resolve({ kind: 'refused', code: 'unknown_key', detail: 'register' });
    assert.deepEqual(await device.answer(), { ok: false, code: 'unknown_key', detail: 'register' });
    (await ingest.arrival()).resolve({ kind: 'retry', code: 'throttled', retryAfterMs: 70 });
    assert.deepEqual(await device.answer(), { ok: false, code: 'throttled', retry_after_ms: 70 });
    (await ingest.arrival()).reject(new Error('the disk is full'));
    const answer = await device.answer();
    assert.equal(answer?.['code'], 'store_unavailable');
  });

  it('keeps a message that comes in pieces together and drops one that never ends', async () => {
    device.socket.write('{"a":');
    device.socket.write('2}\n');
    (await ingest.arrival()).resolve(ITEMS);
    assert.equal(fromUtf8(ingest.messages[0]?.bytes as Uint8Array), '{"a":2}');
    await device.answer();
    device.socket.write('x'.repeat(65));
    assert.equal((await device.answer())?.['code'], 'too_long');
    assert.equal(await device.answer(), undefined);
    assert.equal(ingest.messages.length, 1);
  });

  it('answers what is under way before it stops, and takes nothing after', async () => {
    device.socket.write('{"a":3}\n{"a":4}\n');
    const { resolve } = await ingest.arrival();
    const { port } = transport;
    const stopped = transport.stop();
    await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'), /ECONNREFUSED/);
    resolve(ITEMS);
    assert.deepEqual(await device.answer(), { ok: true, items: [ITEM] });
    assert.equal(await device.answer(), undefined);
    await stopped;
    await transport.stop();
    assert.equal(ingest.messages.length, 1);
  });

  it('does not wait for a device that is silent and keeps its connection open', async () => {
    const silent = connect({ port: transport.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(silent, 'connect');
    device.socket.write('{}\n'); // a later connection was served, so both are known
    (await ingest.arrival()).resolve(ITEMS);
    await device.answer();
    await transport.stop();
    silent.destroy();
  });

  it('is a transport plugin, and refuses a key that it does not know', async () => {
    assert.equal(plugin.kind, 'transport');
    const { issues } = await plugin.config['~standard'].validate({ port: 0, prot: 1 });
    assert.equal(issues?.length, 1);
  });

  it('does not start on a port that is taken', async () => {
    const { port } = transport;
    const other = new TallyTransport(TallyConfig.parse({ port }), {
      instanceId: 'other',
      origin: 'example.org/log',
      logger: silentLogger,
      clock: { nowMs: () => 0 },
    });
    await assert.rejects(other.start(ingest), /EADDRINUSE/);
  });
});
