import { afterEach, describe, expect, it } from '@jest/globals';
import { ACCEPTED_ITEM } from '@wattproof/core/testing';
import { binaryFrame, TestClient } from './test-client.js';
import { READING, WsScene } from './ws-scene.js';

let scene: WsScene;
afterEach(() => scene.end());

describe('Readings', () => {
  it('are handed on byte for byte, in each of their forms', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const { ingest } = scene.host;
    const forms: readonly (readonly [string, string | Buffer, string])[] = [
      [
        'application/json',
        '{"id":"a", "body" : {"n": 8.20, "e":1e2 , "s":"\\"}é"} ,"type":"readings"}',
        '{"n": 8.20, "e":1e2 , "s":"\\"}é"}',
      ],
      ['application/json', '{"type":"readings","id":"a","body":[1.0,{}]}', '[1.0,{}]'],
      [
        'application/x-ndjson',
        '{"type":"readings","id":"a","content_type":"application/x-ndjson","body":"{\\"a\\":1.0}\\n{}"}',
        '{"a":1.0}\n{}',
      ],
      [
        'text/plain',
        '{"type":"readings","id":"a","content_type":"text/plain","body":"OCMF|{}|{}"}',
        'OCMF|{}|{}',
      ],
      ['application/json', binaryFrame('json', 'a', Buffer.from('{"x":1.00}')), '{"x":1.00}'],
      ['application/x-ndjson', binaryFrame('ndjson', 'a', Buffer.from('{}\n')), '{}\n'],
      ['application/cose', binaryFrame('cose', 'a', Buffer.of(0xd2, 0x84)), '\xd2\x84'],
      ['text/plain', binaryFrame('ocmf', 'a', Buffer.from('OCMF|')), 'OCMF|'],
    ];
    for (const [contentType, frame, bytes] of forms) {
      client.socket.send(frame);
      const { message } = await ingest.arrival();
      const encoding = contentType === 'application/cose' ? 'latin1' : 'utf8';
      expect([message.contentType, Buffer.from(message.bytes).toString(encoding)]).toEqual([
        contentType,
        bytes,
      ]);
      ingest.arrivals.at(-1)!.commit();
      await client.said('ack');
      client.heard.length = 0;
    }
  });

  it('of a device are worth what its key is, those of other keys what their signatures are', async () => {
    scene = await WsScene.start({}, { source: '192.0.2.7' });
    scene.host.ingest.answerBy((arrival) => arrival.commit());
    for (const key of ['key-1', 'owner-key'])
      await (await TestClient.withKey(scene.url, key)).ask({ type: 'readings', body: READING });
    expect(
      scene.host.ingest.arrivals.map(({ message }) => [
        message.caller?.kind,
        message.assurance,
        message.source,
      ]),
    ).toEqual([
      ['device', 'transport', '192.0.2.7'],
      ['api-key', 'unsigned', '192.0.2.7'],
    ]);
    expect(scene.host.desk.signsOfLife.map(({ device }) => device)).toEqual(['meter-1']);
  });

  it('are acknowledged with what became of each', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const items = [
      ACCEPTED_ITEM,
      { ...ACCEPTED_ITEM, verdict: 'flagged' as const, reason: 'night_generation' },
    ];
    scene.host.ingest.answerBy((arrival) => arrival.commit(items));
    expect(await client.ask({ type: 'readings', body: [READING, READING] })).toEqual({
      type: 'ack',
      id: 'm1',
      items,
    });
  });

  it('that come too fast are asked for again, over the same connection', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    scene.host.ingest.answerBy((arrival) =>
      arrival.answer({ kind: 'retry', code: 'throttled', retryAfterMs: 70 }),
    );
    expect(await client.ask({ type: 'readings', body: READING })).toEqual({
      type: 'retry',
      id: 'm1',
      code: 'throttled',
      retry_after_ms: 70,
    });
    scene.host.ingest.answerBy((arrival) => arrival.commit());
    expect((await client.ask({ type: 'readings', body: READING })).type).toBe('ack');
  });

  it('under an id that is under way are not taken', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    for (const mark of ['first', 'second'])
      client.say({ type: 'readings', id: 'x', body: { mark } });
    expect(await client.said('retry')).toMatchObject({ id: 'x', code: 'id_in_flight' });
    (await scene.host.ingest.arrival('first')).commit();
    expect(await client.said('ack')).toMatchObject({ id: 'x' });
    expect(scene.host.ingest.withText('second')).toEqual([]);
    client.heard.length = 0;
    client.say({ type: 'readings', id: 'x', body: { mark: 'third' } });
    (await scene.host.ingest.arrival('third')).commit();
    expect((await client.said('ack'))['id']).toBe('x');
  });

  it('are read no faster than they are committed', async () => {
    scene = await WsScene.start({ maxInFlight: 4 });
    const client = await scene.device();
    const { ingest } = scene.host;
    for (let sent = 0; sent < 50; sent += 1)
      client.say({ type: 'readings', id: `r${sent}`, body: { mark: `of meter-1 ${sent}.` } });
    await scene.roundTrip();
    expect(ingest.withText('of meter-1')).toHaveLength(4);
    for (let sent = 0; sent < 50; sent += 1) {
      const under = ingest.withText('of meter-1').filter(({ outcome }) => outcome === undefined);
      expect(under.length).toBeLessThanOrEqual(4);
      (await ingest.arrival(`of meter-1 ${sent}.`)).commit();
    }
    const acked = await client.count('ack', 50);
    expect(acked.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, n) => `r${n}`));
  });

  it('stay with their sender meanwhile: nothing of them piles up here', async () => {
    scene = await WsScene.start({ maxInFlight: 2 });
    const client = await scene.device();
    const pad = 'x'.repeat(100_000);
    for (let sent = 0; sent < 160; sent += 1)
      client.say({ type: 'readings', id: `r${sent}`, body: { of: 'meter-1', pad } });
    let before = -1;
    // Until nothing moves any more.
    while (before !== client.socket.bufferedAmount) {
      before = client.socket.bufferedAmount;
      await scene.roundTrip();
    }
    expect(client.socket.bufferedAmount).toBeGreaterThan(2_000_000);
    scene.host.ingest.answerBy((arrival) => arrival.commit());
    for (const arrival of scene.host.ingest.arrivals) arrival.commit();
    await client.count('ack', 160);
  });

  it('are read no faster than their bytes are committed', async () => {
    scene = await WsScene.start({ maxInFlightBytes: 10_000 });
    const client = await scene.device();
    const { ingest } = scene.host;
    for (let sent = 0; sent < 10; sent += 1)
      client.say({
        type: 'readings',
        id: `r${sent}`,
        body: { of: 'meter-1', pad: 'x'.repeat(4_000) },
      });
    await scene.roundTrip();
    expect(ingest.withText('meter-1')).toHaveLength(3);
    ingest.answerBy((arrival) => arrival.commit());
    for (const arrival of ingest.withText('meter-1')) arrival.commit();
    await client.count('ack', 10);
  });
});

describe('A store that is away', () => {
  it('closes the connection when everything under way has been answered', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const { ingest } = scene.host;
    for (const id of ['a', 'b', 'c'])
      client.say({ type: 'readings', id, body: { mark: `is ${id}` } });
    (await ingest.arrival('is b')).retryLater(500);
    expect(await client.said('retry')).toEqual({
      type: 'retry',
      id: 'b',
      code: 'store_unavailable',
      retry_after_ms: 500,
    });
    (await ingest.arrival('is a')).commit();
    expect(await client.said('ack')).toMatchObject({ id: 'a' });
    expect(client.end).toBeUndefined();
    (await ingest.arrival('is c')).fail();
    expect(await client.closed).toEqual({ code: 1013, reason: 'store_unavailable' });
    expect(client.heard.at(-1)).toMatchObject({ type: 'retry', id: 'c' });
  });
});

describe('A gateway that stops', () => {
  it('answers what is under way, says goodbye with 1001, and lets nobody in', async () => {
    scene = await WsScene.start();
    const [busy, idle] = [await scene.device(1), await scene.device(2)];
    busy.say({ type: 'readings', id: 'a', body: READING });
    const arrival = await scene.host.ingest.arrival();
    const stopped = scene.transport.stop();
    expect(await idle.closed).toEqual({ code: 1001, reason: 'going_away' });
    busy.say({ type: 'readings', id: 'late', body: READING });
    await expect(scene.device()).rejects.toMatchObject({ status: 503, code: 'not_serving' });
    expect(busy.end).toBeUndefined();
    arrival.commit();
    expect(await busy.closed).toEqual({ code: 1001, reason: 'going_away' });
    await stopped;
    expect(
      busy.heard.filter(({ id }) => id !== undefined).map(({ type, id }) => [type, id]),
    ).toEqual([['ack', 'a']]);
    expect(scene.host.ingest.arrivals).toHaveLength(1);
  });

  it('waits no longer than it says for a commit that does not return, and acknowledges nothing then', async () => {
    scene = await WsScene.start({ drainMs: 5_000 });
    const [stuck, other] = [await scene.device(1), await scene.device(2)];
    stuck.say({ type: 'readings', id: 'a', body: READING });
    other.say({ type: 'readings', id: 'b', body: { mark: 'in time' } });
    const [late, inTime] = [
      await scene.host.ingest.arrival('meter-1'),
      await scene.host.ingest.arrival('in time'),
    ];
    const stopped = scene.transport.stop();
    await scene.elapsed.advance(4_999);
    inTime.commit();
    expect(await other.closed).toEqual({ code: 1001, reason: 'going_away' });
    expect([stuck.end, other.heard.at(-1)]).toMatchObject([undefined, { type: 'ack', id: 'b' }]);
    await scene.elapsed.advance(1);
    expect(await stuck.closed).toEqual({ code: 1001, reason: 'going_away' });
    await stopped;
    late.commit();
    await scene.rest();
    expect(stuck.heard.map(({ type }) => type)).toEqual(['hello']);
  });
});
