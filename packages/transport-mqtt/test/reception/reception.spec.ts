import { readFileSync } from 'node:fs';
import type { Caller, IngestItem } from '@wattproof/core/spi';
import { DeskRefusal } from '@wattproof/core/spi';
import { ACCEPTED_ITEM, HeldIngest, KeptDesk, silentLogger } from '@wattproof/core/testing';
import type { LinkMessage } from '../../src/link.js';
import { Reception } from '../../src/reception/reception.js';
import { ReceiptPost } from '../../src/reception/receipt-post.js';
import { StrangerLetters } from '../../src/reception/stranger-letters.js';
import { SentOrders } from '../../src/reception/sent-orders.js';
import { PRESETS } from '../../src/topics/presets.js';
import { TopicMaps } from '../../src/topics/topic-maps.js';

const NOW = Date.parse('2026-01-15T10:00:05Z');
const READINGS = 'wattproof/v1/m1/readings';

function reception({
  topicsAreAuthenticated = false,
  maxMessageBytes = 4_096,
  speaksFor = [] as string[],
  strangerLettersPerMinute = 600,
} = {}) {
  const ingest = new HeldIngest();
  const desk = new KeptDesk();
  const published: { topic: string; receipt: any }[] = [];
  const orders = new SentOrders(2);
  const now = { ms: 0 };
  const link = {
    publish: async (topic: string, payload: string | Uint8Array) => {
      published.push({ topic, receipt: JSON.parse(String(payload)) });
      return 'sent' as const;
    },
  };
  const taking = new Reception({
    maps: new TopicMaps(Object.values(PRESETS)),
    ingest,
    desk,
    callers: { maySpeakFor: async (_caller, device) => speaksFor.includes(device) },
    receipts: new ReceiptPost(link, 100, silentLogger),
    orders,
    strangerLetters: new StrangerLetters(strangerLettersPerMinute, {
      monotonicMs: () => now.ms,
    }),
    clock: { nowMs: () => NOW },
    logger: silentLogger,
    limits: { maxMessageBytes },
    topicsAreAuthenticated,
  });
  const take = (topic: string, payload: string | Uint8Array, more: Partial<LinkMessage> = {}) =>
    taking.take({
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
      qos: 1,
      retain: false,
      duplicate: false,
      source: topic,
      ...more,
    });
  return { ingest, desk, orders, published, take, taking, now };
}

const item = (verdict: IngestItem['verdict'], reason?: string): IngestItem => ({
  ...ACCEPTED_ITEM,
  verdict,
  ...(reason === undefined ? {} : { reason, detail: `why ${reason}` }),
});

describe('what a reading is worth', () => {
  const accepted = async (
    options: Parameters<typeof reception>[0],
    topic: string,
    payload: string,
    more: Partial<LinkMessage> = {},
  ) => {
    const { ingest, take } = reception(options);
    ingest.answerBy((arrival) => arrival.commit());
    expect(await take(topic, payload, more)).toMatchObject({ reasonCode: 0 });
    return ingest.arrivals[0]!.message;
  };

  it('is nothing beyond its signature when a topic is all that is known', async () => {
    const message = await accepted({}, READINGS, '{}');
    expect(message).toMatchObject({ assurance: 'unsigned', source: READINGS });
    expect(message.vouchesFor).toBeUndefined();
    expect(message.caller).toBeUndefined();
  });

  it.each([
    [READINGS, '{}', 'm1'],
    [
      'energy/S/gw/MTR-1',
      '{"ts_start":0,"ts_end":1,"interval_s":1,"energy_kwh":1,"price_sats_per_kwh":1}',
      'MTR-1',
    ],
    [
      'energy/meters/h1',
      '{"meterId":"h1","timestamp":"2026-01-15T10:00:00Z","consumptionKwh":1}',
      'h1',
    ],
  ])('is vouched for on %s when the broker guards the topics', async (topic, payload, meter) => {
    const message = await accepted({ topicsAreAuthenticated: true }, topic, payload);
    expect(message).toMatchObject({ assurance: 'transport', vouchesFor: [meter] });
  });

  it("is a device's word when the link knows the device, whatever the topics prove", async () => {
    const caller: Caller = { kind: 'device', id: 'm1', accountId: 'a', scopes: [] };
    const message = await accepted({ topicsAreAuthenticated: true }, READINGS, '{}', { caller });
    expect(message).toMatchObject({ assurance: 'transport', caller });
    expect(message.vouchesFor).toBeUndefined();
    const key: Caller = { kind: 'api-key', id: 'k', accountId: 'a', scopes: [] };
    expect(await accepted({}, READINGS, '{}', { caller: key })).toMatchObject({
      assurance: 'unsigned',
      caller: key,
    });
  });
});

describe('the bytes of a message', () => {
  it.each<[string, Uint8Array, string | undefined, string]>([
    ['JSON', Buffer.from(' [{}]'), undefined, 'application/json'],
    ['a tagged COSE_Sign1', Uint8Array.of(0xd2, 0x84, 0x40), undefined, 'application/cose'],
    ['an untagged COSE_Sign1', Uint8Array.of(0x84, 0x40), undefined, 'application/cose'],
    ['an OCMF record', Buffer.from('OCMF|{}|{}'), undefined, 'text/plain'],
    [
      'stated NDJSON',
      Buffer.from('{}\n{}'),
      'application/x-ndjson; charset=utf-8',
      'application/x-ndjson',
    ],
    ['garbage', Uint8Array.of(0xff, 0x00), undefined, 'application/json'],
    ['nothing', new Uint8Array(), undefined, 'application/json'],
  ])('%s go on as they came', async (_, bytes, contentType, expected) => {
    const { ingest, take } = reception();
    ingest.answerBy((arrival) => arrival.commit());
    await take(READINGS, bytes, contentType === undefined ? {} : { contentType });
    expect(ingest.arrivals[0]?.message).toMatchObject({ contentType: expected });
    expect(ingest.arrivals[0]?.message.bytes).toEqual(bytes);
  });

  it('of kwh-btc-iot become the documents its bridge makes', async () => {
    const file = JSON.parse(
      readFileSync(new URL('../../../../vectors/kwh_mqtt_bridge.json', import.meta.url), 'utf8'),
    ) as { cases: { topic: string; payload: object; canonical?: object }[] };
    for (const { topic, payload, canonical } of file.cases) {
      const { ingest, desk, take } = reception();
      ingest.answerBy((arrival) => arrival.commit());
      const outcome = await take(topic, JSON.stringify(payload));
      if (canonical === undefined) {
        expect(outcome).toMatchObject({ reasonCode: 0x83 });
        expect(desk.deadLetters).toMatchObject([{ code: 'topic_unknown', source: topic }]);
      } else
        expect(JSON.parse(ingest.arrivals[0]!.text)).toEqual({
          format: 'emlog-1.1',
          document: canonical,
        });
    }
  });

  it('of kwh-btc-iot keep their numbers as they were written', async () => {
    const { ingest, take } = reception();
    ingest.answerBy((arrival) => arrival.commit());
    await take(
      'energy/S/gw/MTR-1',
      '{"ts_start":"a","ts_end":"b","interval_s":3e2,"energy_kwh":2.50,"power_kw_avg":1.10,"price_sats_per_kwh":12345678901234567890}',
    );
    const { text } = ingest.arrivals[0]!;
    expect(text).toContain('"interval_s":3e2');
    expect(text).toContain('"power_kw_avg":1.10');
    expect(text).toContain('"price_sats_per_kwh":12345678901234567890');
  });
});

describe('what a sender is told', () => {
  it.each<[IngestItem[], number, Record<string, string>]>([
    [[item('accepted')], 0x00, { verdict: 'accepted' }],
    [
      [{ ...item('duplicate'), duplicate: true }],
      0x00,
      { verdict: 'duplicate', duplicate: 'true' },
    ],
    [[item('flagged', 'sigma')], 0x00, { verdict: 'flagged', reason: 'sigma' }],
    [
      [item('quarantined', 'meter_pending')],
      0x00,
      { verdict: 'quarantined', reason: 'meter_pending' },
    ],
    [
      [{ ...item('accepted'), receipt: { v: 1 } }],
      0x00,
      { verdict: 'accepted', receipt: '{"v":1}' },
    ],
    [
      [item('rejected', 'signature_invalid')],
      0x87,
      { verdict: 'rejected', reason: 'signature_invalid' },
    ],
    [[item('rejected', 'key_revoked')], 0x87, { verdict: 'rejected', reason: 'key_revoked' }],
    [[item('rejected', 'in_future')], 0x83, { verdict: 'rejected', reason: 'in_future' }],
    [[item('rejected', 'energy_missing')], 0x99, { verdict: 'rejected', reason: 'energy_missing' }],
    [[item('accepted'), item('rejected', 'in_future')], 0x00, { accepted: '1', rejected: '1' }],
    [[item('rejected', 'key_unknown'), item('rejected', 'in_future')], 0x87, { rejected: '2' }],
    [[], 0x00, {}],
  ])('is by its verdicts: %j', async (items, reasonCode, properties) => {
    const { ingest, take } = reception();
    ingest.answerBy((arrival) => arrival.commit(items));
    expect(await take(READINGS, '{}')).toEqual({ kind: 'acknowledge', reasonCode, properties });
  });

  it('comes with a receipt on its own topic, refused or not', async () => {
    const { ingest, published, take } = reception();
    ingest.answerBy((arrival) =>
      arrival.text === '1' ? arrival.refuse('not_json', 'No.') : arrival.commit(),
    );
    await take(READINGS, '{}');
    expect(await take(READINGS, '1')).toMatchObject({ reasonCode: 0x99 });
    expect(published.map(({ topic }) => topic)).toEqual(Array(2).fill('wattproof/v1/m1/receipts'));
    expect(published[0]!.receipt).toMatchObject({ items: [{ id: 'log_1' }] });
    expect(published[1]!.receipt).toMatchObject({ refused: { code: 'not_json', detail: 'No.' } });
  });

  it('is nothing on a topic of devices that read none', async () => {
    const { ingest, published, take } = reception();
    ingest.answerBy((arrival) => arrival.commit());
    await take('energy/meters/h1', '{"meterId":"h1","timestamp":0,"consumptionKwh":1}');
    expect(ingest.arrivals).toHaveLength(1);
    expect(published).toEqual([]);
  });

  it.each([
    [{ kind: 'retry', code: 'throttled', retryAfterMs: 7 } as const, 'throttled', 7],
    [
      { kind: 'retry', code: 'store_unavailable', retryAfterMs: 9 } as const,
      'store_unavailable',
      9,
    ],
  ])('is nothing while nothing was kept: %j', async (answer, why, retryAfterMs) => {
    const { ingest, desk, published, take } = reception();
    ingest.answerBy((arrival) => arrival.answer(answer));
    expect(await take(READINGS, '{}')).toEqual({ kind: 'withhold', why, retryAfterMs });
    expect(published).toEqual([]);
    expect(desk.deadLetters).toEqual([]);
  });
});

describe('what cannot be used', () => {
  it('is kept of strangers at a rate, of one of them a tenth, and always of who is known', async () => {
    const { desk, take, taking, now, published } = reception({ strangerLettersPerMinute: 60 });
    const send = (source: string, more: Partial<LinkMessage> = {}) =>
      take('wattproof/v1/m1/status', '{', { source, ...more });
    for (let count = 0; count < 20; count += 1)
      expect(await send('192.0.2.1')).toMatchObject({ kind: 'acknowledge', reasonCode: 0x99 });
    expect(desk.deadLetters).toHaveLength(6);
    expect(taking.facts).toMatchObject({ deadLetters: 6, deadLettersNotKept: 14 });
    // Whoever sent it hears of it all the same.
    expect(published).toHaveLength(20);
    await send('192.0.2.2');
    expect(desk.deadLetters).toHaveLength(7);
    for (let count = 0; count < 100; count += 1) await send(`198.51.100.${count}`);
    expect(desk.deadLetters).toHaveLength(60);
    const caller: Caller = { kind: 'device', id: 'm1', accountId: 'a', scopes: [] };
    await send('m1', { caller });
    expect(desk.deadLetters).toHaveLength(61);
    now.ms += 10_000;
    for (let count = 0; count < 20; count += 1) await send('192.0.2.1');
    expect(desk.deadLetters).toHaveLength(62);
  });

  it('is told of with its size when its link has read only the first of it, and has no receipt', async () => {
    const { desk, published, take } = reception();
    const outcome = await take(READINGS, 'x'.repeat(256), { payloadBytes: 60_000 });
    expect(outcome).toMatchObject({ kind: 'acknowledge', reasonCode: 0x83 });
    expect(desk.deadLetters).toMatchObject([{ code: 'message_too_large', size: 60_000 }]);
    expect(desk.deadLetters[0]!.detail).toContain('60000 bytes, at most 4096');
    expect(published).toEqual([]);
  });

  const deep = '['.repeat(4_000);
  it.each<[string, string, string | Uint8Array, string, number]>([
    ['binary garbage', 'energy/S/gw/M', Uint8Array.of(0, 255, 254), 'json_utf8', 0x99],
    ['nothing', 'energy/S/gw/M', '', 'json_syntax', 0x99],
    ['deep JSON', 'energy/meters/h1', deep, 'json_too_deep', 0x99],
    ['a list', 'energy/S/gw/M', '[]', 'model_type', 0x99],
    ['a member twice', 'energy/S/gw/M', '{"a":1,"a":2}', 'json_duplicate_key', 0x99],
    ['no energy', 'energy/S/gw/M', '{"ts_start":1}', 'missing', 0x99],
    ['a reserved site', 'energy/lock/gw/M', '{}', 'topic_unknown', 0x83],
    ['a topic of nobody', 'weather/berlin', '{}', 'topic_unknown', 0x83],
    ['a level too many', 'wattproof/v1/m1/readings/x', '{}', 'topic_unknown', 0x83],
    ['too much', READINGS, 'x'.repeat(4_097), 'message_too_large', 0x83],
    [
      'a bad time',
      'energy/meters/h1',
      '{"meterId":"h1","timestamp":"now","consumptionKwh":1}',
      'timestamp_invalid',
      0x99,
    ],
    ['an unknown state', 'wattproof/v1/m1/status', '{"state":"asleep"}', 'member_invalid', 0x99],
    ['an empty status', 'wattproof/v1/m1/status', '{}', 'status_empty', 0x99],
    [
      'an alert without a code',
      'wattproof/v1/m1/alerts',
      '{"text":"fire"}',
      'alert_code_missing',
      0x99,
    ],
    ['a nameless order', 'energy/lock/e/response', '{"status":"locked"}', 'order_missing', 0x99],
  ])('is a dead letter, then acknowledged: %s', async (_, topic, payload, code, reasonCode) => {
    const { ingest, desk, take } = reception();
    const release = desk.hold();
    let isDone = false;
    const outcome = take(topic, payload).finally(() => (isDone = true));
    await new Promise(setImmediate);
    expect(isDone).toBe(false);
    release();
    expect(await outcome).toMatchObject({ kind: 'acknowledge', reasonCode });
    expect(desk.deadLetters).toMatchObject([
      { code, source: topic, bytes: Buffer.from(payload as string) },
    ]);
    expect(ingest.arrivals).toEqual([]);
  });

  it('of an unknown content type is one too', async () => {
    const { desk, take } = reception();
    expect(await take(READINGS, '{}', { contentType: 'image/png' })).toMatchObject({
      reasonCode: 0x99,
    });
    expect(desk.deadLetters).toMatchObject([{ code: 'content_type_unknown', device: 'm1' }]);
  });

  it('names what ingestion refused, and how much of it', async () => {
    const { ingest, desk, take } = reception();
    ingest.answerBy((arrival) =>
      arrival.commit([
        item('accepted'),
        item('rejected', 'in_future'),
        item('rejected', 'too_old'),
      ]),
    );
    await take(READINGS, '{}');
    expect(desk.deadLetters).toMatchObject([
      {
        code: 'in_future',
        device: 'm1',
        detail: '2 of 3 readings were refused; the first: why in_future',
      },
    ]);
  });

  it('is withheld when the dead letter cannot be kept: nothing is acknowledged into silence', async () => {
    const { desk, take } = reception();
    desk.unavailable = new Error('the disk is full');
    expect(await take('weather/berlin', '{}')).toMatchObject({
      kind: 'withhold',
      why: 'store_unavailable',
    });
  });
});

describe('what devices say besides readings', () => {
  it('is presence and telemetry by their status', async () => {
    const { desk, take } = reception();
    await take(
      'wattproof/v1/m1/status',
      '{"state":"online","at":"2026-01-15T10:00:00Z","available_kwh":"8.2","v":230.1}',
    );
    expect(desk.presences).toEqual([
      { device: 'm1', state: 'online', why: 'status', atMs: NOW - 5_000 },
    ]);
    expect(desk.telemetries).toEqual([
      {
        device: 'm1',
        atMs: NOW - 5_000,
        availableEnergyUWh: 8_200_000_000n,
        body: { available_kwh: '8.2', v: 230.1 },
      },
    ]);
    expect(desk.signsOfLife).toEqual([{ device: 'm1', atMs: NOW }]);
  });

  it('is not taken from the will of an old connection when the device has come back', async () => {
    const { desk, take } = reception();
    const will = { will: true, speakerIsHere: true };
    expect(await take('wattproof/v1/m1/status', '{"state":"offline","volts":1}', will)).toEqual({
      kind: 'acknowledge',
      reasonCode: 0,
    });
    expect(desk.presences).toEqual([]);
    expect(desk.telemetries).toHaveLength(1);
  });

  it('of a delivery names no device that the caller does not speak for', async () => {
    const { desk, take } = reception({ speaksFor: ['m1'] });
    const caller: Caller = { kind: 'device', id: 'm1', accountId: 'a', scopes: [] };
    const say = (device: string, more = {}) =>
      take('energy/transfer/t1/status', `{"device_id":"${device}","delivered_kwh":1}`, more);
    expect(await say('m2', { caller })).toMatchObject({ reasonCode: 0x87 });
    expect(desk.deadLetters).toMatchObject([{ code: 'not_the_device' }]);
    expect(await say('m1', { caller })).toMatchObject({ reasonCode: 0 });
    expect(await say('m2')).toMatchObject({ reasonCode: 0 });
    expect(desk.progresses.map(({ device }) => device)).toEqual(['m1', 'm2']);
  });

  it('is a last will at the time it was published, and no sign of life when retained', async () => {
    const { desk, take } = reception();
    await take(
      'wattproof/v1/m1/status',
      '{"state":"offline","will":true,"at":"2020-01-01T00:00:00Z"}',
      { retain: true },
    );
    expect(desk.presences).toEqual([{ device: 'm1', state: 'offline', why: 'will', atMs: NOW }]);
    expect(desk.signsOfLife).toEqual([]);
  });

  it('is an alert, and a warning unless it says otherwise', async () => {
    const { desk, take } = reception();
    await take('wattproof/v1/m1/alerts', '{"code":"overheat","at":"2026-01-15T10:00:00Z","c":61}');
    await take('wattproof/v1/m1/alerts', '{"code":"fire","text":"Smoke.","severity":"critical"}');
    expect(desk.alerts).toMatchObject([
      { device: 'm1', code: 'overheat', severity: 'warning', text: 'overheat', atMs: NOW - 5_000 },
      { device: 'm1', code: 'fire', severity: 'critical', text: 'Smoke.', atMs: NOW },
    ]);
  });

  it.each([
    ['accepted', 0x00],
    ['duplicate', 0x00],
    ['late', 0x83],
    ['unknown', 0x83],
    ['invalid', 0x99],
  ] as const)('is an answer that is %s', async (verdict, reasonCode) => {
    const { desk, take } = reception();
    desk.verdictOf = () => verdict;
    expect(await take('wattproof/v1/m1/answers', '{"id":"c"}')).toMatchObject({ reasonCode });
    expect(desk.answers).toMatchObject([{ device: 'm1', bytes: Buffer.from('{"id":"c"}') }]);
    expect(desk.deadLetters).toEqual([]);
  });

  it('is the answer to a lock, under the id of the command that its order stands for', async () => {
    const { desk, orders, take } = reception();
    orders.remember('e', 'ord-1', 'cmd_1');
    const answered = async (device: string, order: string) => {
      const payload = `{"order_id":"${order}","status":"locked"}`;
      expect(await take(`energy/lock/${device}/response`, payload)).toMatchObject({
        reasonCode: 0,
      });
      return JSON.parse(Buffer.from(desk.answers.at(-1)!.bytes).toString()) as unknown;
    };
    const body = { order_id: 'ord-1', status: 'locked' };
    expect(await answered('e', 'ord-1')).toEqual({ id: 'cmd_1', body });
    expect(desk.answers.at(-1)!.device).toBe('e');
    expect(await answered('f', 'ord-1')).toEqual({ id: 'ord-1', body });
    // Two are remembered here, the newest.
    for (const order of ['ord-2', 'ord-3']) orders.remember('e', order, `cmd of ${order}`);
    expect(await answered('e', 'ord-3')).toMatchObject({ id: 'cmd of ord-3' });
    expect(await answered('e', 'ord-1')).toMatchObject({ id: 'ord-1' });
  });

  it.each([
    ['wattproof/v1/m1/status', '{"state":"online"}'],
    ['wattproof/v1/m1/status', '{"v":1}'],
    ['wattproof/v1/m1/alerts', '{"code":"a"}'],
    ['wattproof/v1/m1/answers', '{}'],
    ['energy/transfer/t/status', '{"delivered_kwh":1}'],
  ])('is acknowledged only when it is durable: %s %s', async (topic, payload) => {
    const { desk, take } = reception();
    desk.unavailable = new Error('the store is down');
    expect(await take(topic, payload)).toMatchObject({
      kind: 'withhold',
      why: 'store_unavailable',
    });
    desk.unavailable = undefined;
    expect(await take(topic, payload)).toMatchObject({ kind: 'acknowledge', reasonCode: 0 });
  });

  it('is a dead letter when the desk refuses it for good', async () => {
    const { desk, take } = reception();
    desk.alert = () => Promise.reject(new DeskRefusal('alerts_full', 'Too many.'));
    expect(await take('wattproof/v1/m1/alerts', '{"code":"a"}')).toMatchObject({
      kind: 'acknowledge',
      reasonCode: 0x83,
    });
    expect(desk.deadLetters).toMatchObject([{ code: 'alerts_full', device: 'm1' }]);
  });

  it('is not what the gateway itself published', async () => {
    const { desk, taking, take } = reception();
    expect(await take('energy/donor/e/lock', '{}')).toMatchObject({ reasonCode: 0 });
    expect(await take('wattproof/v1/m1/receipts', '{}')).toMatchObject({ reasonCode: 0 });
    expect(taking.facts).toMatchObject({ echoes: 2, deadLetters: 0 });
    expect(desk.deadLetters).toEqual([]);
    const caller: Caller = { kind: 'device', id: 'm2', accountId: 'a', scopes: [] };
    expect(await take('wattproof/v1/m1/receipts', '{}', { caller })).toMatchObject({
      reasonCode: 0x83,
    });
    expect(desk.deadLetters).toMatchObject([{ code: 'topic_unknown', device: 'm2' }]);
  });
});
