import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { TestClient } from './test-client.js';
import { READING, WsScene } from './ws-scene.js';

let scene: WsScene;
afterEach(() => scene.end());

/** A frame of RFC 6455 §5.2 as a client sends it, masked with zeros. */
function frame(
  opcode: number,
  payload: Uint8Array,
  { fin = true, rsv1 = false, length = payload.length } = {},
): Buffer {
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const head =
    length < 126
      ? Buffer.of(first, 0x80 | length)
      : length < 65_536
        ? Buffer.of(first, 0xfe, length >> 8, length & 0xff)
        : Buffer.concat([Buffer.of(first, 0xff), big(length)]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
function big(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}
const TEXT = 1;
const BINARY = 2;
const PING = 9;

/** A device that speaks in frames of its own making. */
async function rawDevice(): Promise<{ client: TestClient; socket: Socket }> {
  const client = await scene.device();
  return { client, socket: (client.socket as unknown as { _socket: Socket })._socket };
}
/** A device that takes no notice of what it is told, and never closes. */
async function deafDevice(): Promise<Socket> {
  const { hostname, port } = new URL(scene.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined);
  const head = `GET /ws HTTP/1.1\r\nHost: ${hostname}\r\nX-API-Key: key-1\r\n`;
  socket.write(`${head}${GOOD.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}
async function toldToClose(socket: Socket, code: number): Promise<void> {
  const close = Buffer.of(0x88, 2, code >> 8, code & 0xff);
  for (let told = Buffer.alloc(0); !told.includes(close);)
    told = Buffer.concat([told, ...((await once(socket, 'data')) as Buffer[])]);
}
function written(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve) => socket.write(Buffer.alloc(bytes, 32), () => resolve()));
}
/** A handshake by hand; resolves to the first line of the answer. */
async function handshake(lines: readonly string[], path = '/ws'): Promise<string> {
  const { hostname, port } = new URL(scene.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n${lines.join('\r\n')}\r\n\r\n`);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return chunk.toString().split('\r\n', 1)[0]!;
}
const GOOD = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: wattproof.v1',
];
const without = (name: string, ...more: readonly string[]): readonly string[] => [
  ...GOOD.filter((line) => !line.startsWith(name)),
  ...more,
];

describe('A handshake', () => {
  it.each([
    ['as it should be', GOOD, '/ws', 'HTTP/1.1 101 Switching Protocols'],
    ['of another path', GOOD, '/ws/', 'HTTP/1.1 404 Not Found'],
    ['without a subprotocol', without('Sec-WebSocket-Protocol'), '/ws', '400'],
    [
      'with another subprotocol',
      without('Sec-WebSocket-Protocol', 'Sec-WebSocket-Protocol: mqtt, wattproof.v2'),
      '/ws',
      '400',
    ],
    ['of another protocol', without('Upgrade', 'Upgrade: h2c'), '/ws', '426'],
    ['without a key', without('Sec-WebSocket-Key'), '/ws', '400'],
    [
      'of an old version',
      without('Sec-WebSocket-Version', 'Sec-WebSocket-Version: 7'),
      '/ws',
      '400',
    ],
  ])('%s', async (_what, lines, path, answer) => {
    scene = await WsScene.start();
    expect(await handshake(lines, path)).toContain(answer);
    await scene.roundTrip();
  });

  it('that offers compression gets none', async () => {
    scene = await WsScene.start();
    const client = await TestClient.withKey(scene.url, 'key-1', { perMessageDeflate: true });
    expect(client.socket.extensions).toBe('');
  });
});

describe('Frames that nobody should send', () => {
  const cases: readonly (readonly [string, readonly Buffer[], number])[] = [
    ['larger than allowed', [frame(TEXT, Buffer.alloc(70_000, 32))], 1009],
    ['that say they are larger', [frame(TEXT, Buffer.alloc(10), { length: 2 ** 40 })], 1009],
    [
      'whose parts are larger together',
      Array.from({ length: 5 }, (_, n) =>
        frame(n === 0 ? TEXT : 0, Buffer.alloc(15_000, 32), { fin: false }),
      ),
      1009,
    ],
    ['of text that is none', [frame(TEXT, Buffer.of(0xff, 0xfe, 0xc3))], 1007],
    ['compressed, as a bomb would be', [frame(TEXT, Buffer.alloc(20), { rsv1: true })], 1002],
    ['of an unknown kind', [frame(5, Buffer.alloc(4))], 1002],
    ['that go on with nothing', [frame(0, Buffer.alloc(4))], 1002],
    ['not masked', [Buffer.of(0x81, 0x01, 0x61)], 1002],
    [
      'of too many parts',
      [
        Buffer.concat([
          frame(BINARY, Buffer.alloc(0), { fin: false }),
          ...Array.from({ length: 20_000 }, () => frame(0, Buffer.alloc(0), { fin: false })),
        ]),
      ],
      1008,
    ],
  ];
  it.each(cases)(
    '%s close the connection, with the code that says why',
    async (_what, frames, code) => {
      scene = await WsScene.start({ maxMessageBytes: 65_536 });
      const { client, socket } = await rawDevice();
      for (const bytes of frames) socket.write(bytes);
      expect((await client.closed).code).toBe(code);
      expect(scene.host.ingest.arrivals).toEqual([]);
      await scene.roundTrip();
    },
  );

  it('a message that never ends is waited for only so long; pings and a slow sender change nothing', async () => {
    scene = await WsScene.start({ messageTimeoutMs: 20_000 });
    const { client, socket } = await rawDevice();
    const slow = await scene.device(2);
    socket.write(frame(TEXT, Buffer.from('{"type":"readings",'), { fin: false }));
    await scene.roundTrip();
    await scene.passes(0);
    for (let seconds = 0; seconds < 20; seconds += 5) {
      socket.write(frame(PING, Buffer.alloc(0)));
      await once(client.socket, 'pong');
      expect(client.end).toBeUndefined();
      await scene.passes(5_000);
    }
    expect(await client.closed).toEqual({ code: 1008, reason: 'message_timeout' });
    expect(slow.end).toBeUndefined();
  });

  it('a flood of pings ends the connection, some pings are answered', async () => {
    scene = await WsScene.start();
    const { client, socket } = await rawDevice();
    const pings = (many: number): Buffer =>
      Buffer.concat(Array.from({ length: many }, () => frame(PING, Buffer.alloc(125))));
    let pongs = 0;
    client.socket.on('pong', () => (pongs += 1));
    socket.write(pings(50));
    while (pongs < 50) await scene.rest();
    await scene.roundTrip();
    expect(client.end).toBeUndefined();
    socket.write(pings(400));
    expect((await client.closed).code).toBe(1006);
    await scene.roundTrip();
  });
});

describe('A flood that nobody looks at', () => {
  /** How many times the bytes are taken from their sender before nothing moves any more. */
  const taken = async (flood: Socket, bytes: Buffer): Promise<number> => {
    let sent = 0;
    const next = (): unknown => flood.writable && flood.write(bytes, () => ((sent += 1), next()));
    next();
    for (let before = -1; before !== sent && sent < MANY;) {
      before = sent;
      for (let turn = 0; turn < 200; turn += 1) await scene.rest();
    }
    flood.destroy();
    return sent;
  };
  /** Megabytes: far more than sockets hold. */
  const MANY = 64;

  it.each([
    ['frame that is too large', frame(TEXT, Buffer.alloc(10), { length: 2 ** 40 }), 1009],
    ['text that is none', frame(TEXT, Buffer.of(0xff)), 1007],
  ])('because it follows a %s is not read, and its line is cut', async (_what, refused, code) => {
    scene = await WsScene.start();
    const flood = await deafDevice();
    flood.write(refused);
    await toldToClose(flood, code);
    // It keeps its half of the line open: what ends it is the reset that unread bytes meet.
    const closed = new Promise((resolve) => flood.resume().once('close', resolve));
    flood.write(Buffer.alloc(16 * 1_048_576, 32));
    for (let cut = false; !cut;) {
      cut = await Promise.race([closed.then(() => true), scene.rest().then(() => false)]);
      await scene.passes(50);
    }
    flood.destroy();
  });

  it('behind a refused frame is heard no longer than its sender may need to hear why', async () => {
    scene = await WsScene.start();
    const flood = await deafDevice();
    flood.write(frame(TEXT, Buffer.alloc(10), { length: 2 ** 40 }));
    await toldToClose(flood, 1009);
    expect(await taken(flood, Buffer.alloc(1_048_576, 32))).toBeLessThan(MANY);
  });

  it('because the gateway stops is read slowly while what came before is answered', async () => {
    scene = await WsScene.start();
    const flood = await deafDevice();
    flood.write(frame(TEXT, Buffer.from('{"type":"readings","id":"a","body":{"mark":"last"}}')));
    const last = await scene.host.ingest.arrival('last');
    void scene.transport.stop();
    const message = frame(BINARY, Buffer.alloc(1_048_576));
    expect(await taken(flood, message)).toBeLessThan(MANY);
    last.commit();
  });
});

describe('Messages that nobody can read', () => {
  it('are refused one by one, until there are too many', async () => {
    scene = await WsScene.start({ maxFaults: 3 });
    const client = await scene.device();
    const wrong = [
      '{"type":"readings"',
      `{"type":"status","id":"deep","body":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      '{"type":"readings","id":"proto","body":{},"__proto__":{"polluted":1}}',
    ];
    for (const text of wrong) client.socket.send(text);
    expect((await client.count('nack', 3)).map(({ id, code }) => [id, code])).toEqual([
      [null, 'json_invalid'],
      ['deep', 'json_too_deep'],
      ['proto', 'member_unknown'],
    ]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    client.socket.send('x');
    client.socket.send('x');
    expect(await client.closed).toEqual({ code: 1008, reason: 'too_many_faults' });
  });
});

describe('Many at once', () => {
  it('1,000 connections that say nothing are held to the limit, and keep no device out', async () => {
    scene = await WsScene.start({ maxUnauthenticated: 100 });
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, () =>
        TestClient.open(scene.url).then(
          (client) => client,
          (error: { readonly code?: string }) => error.code,
        ),
      ),
    );
    const let_in = outcomes.filter((outcome) => outcome instanceof TestClient);
    expect(let_in).toHaveLength(100);
    expect(new Set(outcomes.filter((outcome) => typeof outcome === 'string'))).toEqual(
      new Set(['unauthenticated_full']),
    );
    await scene.roundTrip();
    await scene.passes(10_000);
    expect(await Promise.all(let_in.map(({ closed }) => closed))).toEqual(
      let_in.map(() => ({ code: 1008, reason: 'auth_timeout' })),
    );
    await (await TestClient.open(scene.url)).said('hello');
  });

  it('connections beyond the limit are told when to come again', async () => {
    scene = await WsScene.start({ maxConnections: 2 });
    const [first] = [await scene.device(), await scene.device()];
    await expect(scene.device()).rejects.toMatchObject({
      status: 503,
      code: 'connections_full',
      headers: { 'retry-after': '5' },
    });
    await first!.close();
    await (await scene.device()).said('hello');
  });

  it('a device that does not read its answers is not read from either', async () => {
    scene = await WsScene.start({ maxBufferedBytes: 16_384, maxInFlight: 8 });
    const client = await scene.device();
    const { ingest } = scene.host;
    const big = {
      id: 'x'.repeat(60_000),
      leaf_hash: null,
      verdict: 'accepted',
      duplicate: false,
      receipt: null,
    } as const;
    ingest.answerBy((arrival) =>
      arrival.commit(arrival.text.includes('meter-1') ? [big] : undefined),
    );
    client.socket.pause();
    const sent = 600;
    for (let n = 0; n < sent; n += 1) client.say({ type: 'readings', id: `r${n}`, body: READING });
    const other = await scene.device(2);
    let taken = -1;
    // Until nothing more is taken.
    while (taken !== ingest.withText('meter-1').length) {
      taken = ingest.withText('meter-1').length;
      for (let n = 0; n < 20; n += 1) await other.ask({ type: 'readings', body: { n } });
    }
    expect(taken).toBeLessThan(sent);
    client.socket.resume();
    await client.count('ack', sent);
  });
});

describe('Memory', () => {
  /** The first part of a message whose end does not come. */
  const begun = (bytes: number) => frame(TEXT, Buffer.alloc(bytes, 32), { fin: false });
  const rawOf = (client: TestClient) => (client.socket as unknown as { _socket: Socket })._socket;

  it('is lent to nobody who has not shown who they are', async () => {
    scene = await WsScene.start();
    const stranger = await TestClient.open(scene.url);
    rawOf(stranger).write(begun(100_000));
    expect((await stranger.closed).code).toBe(1009);
    const { client, socket } = await rawDevice();
    socket.write(begun(100_000));
    await scene.roundTrip();
    expect(client.end).toBeUndefined();
  });

  it('for messages that have not ended is bounded for all connections together', async () => {
    scene = await WsScene.start({ maxPartialBytes: 150_000 });
    const first = await rawDevice();
    first.socket.write(begun(100_000));
    await scene.roundTrip();
    const second = await rawDevice();
    second.socket.write(begun(100_000));
    expect((await second.client.closed).code).toBe(1013);
    expect(first.client.end).toBeUndefined();
    first.socket.destroy();
    await scene.roundTrip();
    const third = await rawDevice();
    third.socket.write(begun(100_000));
    await scene.roundTrip();
    expect(third.client.end).toBeUndefined();
  });

  it('is not held by what is thrown away behind a frame that is too large', async () => {
    scene = await WsScene.start({ maxMessageBytes: 65_536, maxPartialBytes: 150_000 });
    const honest = await rawDevice();
    honest.socket.write(begun(1_000));
    const flood = await deafDevice();
    flood.write(frame(TEXT, Buffer.alloc(10), { length: 2 ** 40 }));
    await toldToClose(flood, 1009);
    await written(flood, 1_000_000);
    honest.socket.write(frame(0, Buffer.alloc(1_000, 32), { fin: false }));
    await scene.roundTrip();
    expect(honest.client.end).toBeUndefined();
    flood.destroy();
  });

  it('for messages that wait for their commit is bounded for all connections together', async () => {
    scene = await WsScene.start({ maxAllInFlightBytes: 2_048 });
    const { ingest } = scene.host;
    const body = (mark: string) => ({ ...READING, mark, fill: 'x'.repeat(1_000) });
    const [one, two] = [await scene.device(1), await scene.device(2)];
    const told = ['a', 'b', 'c'].map((mark) => one.ask({ type: 'readings', body: body(mark) }));
    const arrived = [await ingest.arrival('"mark":"a"'), await ingest.arrival('"mark":"b"')];
    told.push(two.ask({ type: 'readings', body: body('d') }));
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(ingest.arrivals).toHaveLength(2);
    for (const arrival of arrived) arrival.commit();
    (await ingest.arrival('"mark":"c"')).commit();
    await scene.passes(1_000);
    (await ingest.arrival('"mark":"d"')).commit();
    expect((await Promise.all(told)).map(({ type }) => type)).toEqual(Array(4).fill('ack'));
  });
});
