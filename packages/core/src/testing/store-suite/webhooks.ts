import assert from 'node:assert/strict';
import { bodyOf } from '../../events/webhooks/erased-body.js';
import type {
  Delivery,
  NewDelivery,
  WebhookEndpoint,
} from '../../events/webhooks/webhook.store.js';
import { unjournaled } from '../unjournaled.js';
import { sampleReading, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const NOW_MS = 1_760_000_000_000;
const ROOM = 10_000;

export function sampleEndpoint(choices: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    id: `wh_${String(unique()).padStart(32, '0')}`,
    accountId: `account-${unique()}`,
    everyAccount: false,
    url: 'https://hooks.example/a',
    types: ['reading.*'],
    inOrder: false,
    state: 'active',
    createdAtMs: NOW_MS,
    failures: 0,
    retryAtMs: 0,
    toldFailing: false,
    secretVersion: 0,
    missed: 0,
    ...choices,
  };
}

function sampleDelivery(
  endpointId: string,
  event: number,
  choices: Partial<NewDelivery> = {},
): NewDelivery {
  const id = String(event).padStart(20, '0');
  const data = { account: 'a', entry: choices.entryId ?? '', meter: 'meter 1' };
  return {
    endpointId,
    eventId: id,
    type: 'reading.accepted',
    body: bodyOf({ id, type: 'reading.accepted', atMs: NOW_MS, data }),
    createdAtMs: NOW_MS,
    nextAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 1000,
    ...choices,
  };
}

export function webhookTests(scene: StoreScene, it: Test): void {
  const missed = (endpoint: WebhookEndpoint) => ({
    type: 'webhook.missed',
    atMs: NOW_MS,
    data: { webhook: endpoint.id },
  });
  const make = async (choices: Partial<WebhookEndpoint> = {}): Promise<WebhookEndpoint> => {
    const endpoint = sampleEndpoint(choices);
    const { webhooks } = await scene.store();
    assert.equal(await webhooks.create(endpoint, 20, unjournaled), 'created');
    return endpoint;
  };
  const enqueue = async (deliveries: readonly NewDelivery[], room = ROOM) =>
    (await scene.store()).webhooks.enqueue(deliveries, room, { missed });
  const ids = (deliveries: readonly Delivery[]): readonly number[] =>
    deliveries.map(({ eventId }) => Number(eventId));
  const queueOf = async ({ id }: WebhookEndpoint, limit = 100): Promise<readonly Delivery[]> =>
    (await (await scene.store()).webhooks.deliveries({ endpointId: id, limit })).items;

  it('gives back endpoints as they were made and changed, by account, and forgets those removed', async () => {
    const { webhooks } = await scene.store();
    const mine = sampleEndpoint();
    const { accountId } = mine;
    assert.equal(await webhooks.create(mine, 2, unjournaled), 'created');
    const other = sampleEndpoint({ accountId, inOrder: true, types: [] });
    assert.equal(await webhooks.create(other, 2, unjournaled), 'created');
    assert.equal(await webhooks.create(sampleEndpoint({ accountId }), 2, unjournaled), 'too_many');
    const paused = await webhooks.change(
      mine.id,
      { url: 'https://b.example/', types: [], state: { to: 'paused', expiresAtMs: 9 } },
      unjournaled,
    );
    assert.deepEqual(paused, {
      ...mine,
      url: 'https://b.example/',
      types: [],
      state: 'paused',
    });
    assert.deepEqual(await webhooks.get(mine.id), paused);
    const first = await webhooks.list({ accountId, limit: 1 });
    const rest = await webhooks.list({ accountId, limit: 9, cursor: first.cursor! });
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ id }) => id),
      [mine.id, other.id].sort(),
    );
    await enqueue([sampleDelivery(mine.id, 1)]);
    assert.equal(await webhooks.remove(mine.id, unjournaled), true);
    assert.equal(await webhooks.remove(mine.id, unjournaled), false);
    assert.equal(await webhooks.get(mine.id), undefined);
    assert.deepEqual(await queueOf(mine), []);
    assert.equal(await webhooks.change(mine.id, {}, unjournaled), undefined);
    assert.deepEqual(await enqueue([sampleDelivery(mine.id, 1)]), { queued: 0, missed: 0 });
  });

  it('counts the secrets of an endpoint, and keeps until when the one before signs', async () => {
    const { webhooks } = await scene.store();
    const { id } = await make();
    const rotate = (previousUntilMs: number) =>
      webhooks.change(id, { newSecret: { previousUntilMs } }, unjournaled);
    await Promise.all([rotate(7), rotate(7)]);
    await webhooks.change(id, { types: [] }, unjournaled);
    const { secretVersion, previousSecretUntilMs } = (await webhooks.get(id))!;
    assert.deepEqual([secretVersion, previousSecretUntilMs], [2, 7]);
  });

  it('queues an event once, whatever became of it, and gives out what is due in the order of events', async () => {
    const { webhooks } = await scene.store();
    const endpoint = await make();
    const soon = { nextAtMs: NOW_MS + 5 };
    await enqueue([sampleDelivery(endpoint.id, 2), sampleDelivery(endpoint.id, 1)]);
    await enqueue([sampleDelivery(endpoint.id, 3, soon), sampleDelivery(endpoint.id, 1)]);
    const due = async (nowMs: number) =>
      (await webhooks.due(nowMs, 10_000)).some(({ id }) => id === endpoint.id);
    assert.equal(await due(NOW_MS - 1), false);
    assert.equal(await due(NOW_MS), true);
    assert.deepEqual(ids(await webhooks.take(endpoint, NOW_MS, 9)), [1, 2]);
    assert.deepEqual(ids(await webhooks.take(endpoint, NOW_MS, 1)), [1]);
    assert.deepEqual(
      ids(await webhooks.take({ ...endpoint, inOrder: true }, NOW_MS, 9)),
      [1, 2, 3],
    );
    assert.deepEqual(ids(await queueOf(endpoint)), [3, 2, 1]);
    await webhooks.change(endpoint.id, { state: { to: 'paused', expiresAtMs: 0 } }, unjournaled);
    assert.equal(await due(NOW_MS), false, 'what is paused waits');
    const active = { to: 'active', expiresAtMs: NOW_MS + 77 } as const;
    await webhooks.change(endpoint.id, { state: active }, unjournaled);
    assert.deepEqual(
      [...new Set((await queueOf(endpoint)).map((one) => one.expiresAtMs))],
      [NOW_MS + 77],
    );
  });

  it('writes what became of an attempt once, and buries with it what the attempt says', async () => {
    const { webhooks } = await scene.store();
    const endpoint = await make();
    await enqueue([
      sampleDelivery(endpoint.id, 1),
      sampleDelivery(endpoint.id, 2, { expiresAtMs: NOW_MS + 2000 }),
      sampleDelivery(endpoint.id, 3),
    ]);
    const [one, two] = await webhooks.take(endpoint, NOW_MS, 9);
    const delivered = (now: WebhookEndpoint, delivery: Delivery) => ({
      endpoint: now,
      delivery: {
        ...delivery,
        state: 'delivered',
        attempts: 1,
        lastAtMs: 8,
        lastStatus: 204,
      } as const,
      events: [],
    });
    assert.equal(await webhooks.settle(one!, delivered), true);
    assert.equal(await webhooks.settle(one!, delivered), false, 'it is not pending any more');
    assert.equal(
      await webhooks.settle(two!, (now, delivery) => ({
        endpoint: {
          ...now,
          state: 'disabled',
          failures: 4,
          failingSinceMs: 3,
          retryAtMs: 2,
          toldFailing: true,
        },
        delivery: { ...delivery, state: 'dead', lastError: 'timeout' },
        bury: { expiredAtMs: NOW_MS + 1000, error: 'endpoint_failing' },
        events: [{ type: 'webhook.disabled', atMs: NOW_MS, data: { webhook: now.id } }],
      })),
      true,
    );
    const [third, second, first] = await queueOf(endpoint);
    assert.deepEqual(
      [first, second, third].map((d) => [d?.state, d?.attempts, d?.lastStatus, d?.lastError]),
      [
        ['delivered', 1, 204, undefined],
        ['dead', 0, undefined, 'timeout'],
        ['dead', 0, undefined, 'endpoint_failing'],
      ],
    );
    assert.deepEqual(await webhooks.get(endpoint.id), {
      ...endpoint,
      state: 'disabled',
      failures: 4,
      failingSinceMs: 3,
      retryAtMs: 2,
      toldFailing: true,
    });
    assert.equal(
      (await webhooks.listening()).some(({ id }) => id === endpoint.id),
      false,
    );
    assert.deepEqual(await enqueue([sampleDelivery(endpoint.id, 4)]), { queued: 0, missed: 0 });
    const again = await webhooks.replay(
      { endpointId: endpoint.id, eventId: first!.eventId },
      { nextAtMs: 11, expiresAtMs: 12 },
    );
    assert.deepEqual(
      [again?.state, again?.attempts, again?.nextAtMs, again?.expiresAtMs],
      ['pending', 0, 11, 12],
    );
    assert.deepEqual((await queueOf(endpoint)).at(-1), again);
    const unknown = { endpointId: endpoint.id, eventId: 'x' };
    assert.equal(await webhooks.replay(unknown, { nextAtMs: 1, expiresAtMs: 2 }), undefined);
  });

  it('keeps a full queue at its bound, counts what it missed and tells so once', async () => {
    const { webhooks, outbox } = await scene.store();
    const endpoint = await make();
    const cursor = `missed ${unique()}`;
    const told = async () =>
      (await outbox.read(cursor, ['webhook.missed'], 1000)).filter(
        ({ data }) => data['webhook'] === endpoint.id,
      ).length;
    const five = [1, 2, 3, 4, 5].map((event) => sampleDelivery(endpoint.id, event));
    assert.deepEqual(await enqueue(five, 3), { queued: 3, missed: 2 });
    assert.deepEqual(await enqueue([sampleDelivery(endpoint.id, 6)], 3), { queued: 0, missed: 1 });
    assert.deepEqual([(await webhooks.get(endpoint.id))?.missed, await told()], [3, 1]);
    assert.deepEqual(await webhooks.enqueue(five, 4, 'again'), { queued: 1, missed: 1 });
    assert.deepEqual(ids(await queueOf(endpoint)), [4, 3, 2, 1]);
    assert.equal((await webhooks.get(endpoint.id))?.missed, 3);
    assert.deepEqual(await enqueue([sampleDelivery(endpoint.id, 7)], 5), { queued: 1, missed: 0 });
    assert.equal((await webhooks.get(endpoint.id))?.missed, 0);
  });

  it('sends again what was through or dead, and leaves alone what waits', async () => {
    const { webhooks } = await scene.store();
    const endpoint = await make();
    await enqueue([sampleDelivery(endpoint.id, 1), sampleDelivery(endpoint.id, 2)]);
    const [one] = await webhooks.take(endpoint, NOW_MS, 1);
    await webhooks.settle(one!, (now, delivery) => ({
      endpoint: now,
      delivery: { ...delivery, state: 'dead', attempts: 9 },
      events: [],
    }));
    const given = [1, 2, 3].map((event) => sampleDelivery(endpoint.id, event));
    assert.deepEqual(await webhooks.enqueue(given, ROOM, 'again'), { queued: 2, missed: 0 });
    assert.deepEqual(
      (await queueOf(endpoint)).map(({ state, attempts }) => [state, attempts]),
      [
        ['pending', 0],
        ['pending', 0],
        ['pending', 0],
      ],
    );
  });

  it('prunes what is through and old, and nothing that waits', async () => {
    const { webhooks } = await scene.store();
    const endpoint = await make();
    await enqueue([sampleDelivery(endpoint.id, 1), sampleDelivery(endpoint.id, 2)]);
    const [one] = await webhooks.take(endpoint, NOW_MS, 1);
    await webhooks.settle(one!, (now, delivery) => ({
      endpoint: now,
      delivery: { ...delivery, state: 'delivered', lastAtMs: 50 },
      events: [],
    }));
    await webhooks.prune(50);
    assert.deepEqual(ids(await queueOf(endpoint)), [2, 1]);
    await webhooks.prune(51);
    assert.deepEqual(ids(await queueOf(endpoint)), [2]);
  });

  it('forgets what deliveries and notices tell of an erased entry, whatever comes late', async () => {
    const { webhooks, notices, erasures } = await scene.store();
    const endpoint = await make();
    const row = sampleReading();
    await scene.commit(row);
    const accountId = `account-${unique()}`;
    const notice = (eventId: string) => ({
      eventId,
      accountId,
      topic: `reading.flagged meter 1 ${eventId}`,
      type: 'reading.flagged',
      text: 'A reading of meter 1 looks unusual.',
      data: { meter: 'meter 1', entry: row.id },
      atMs: NOW_MS,
      entryId: row.id,
    });
    await enqueue([
      sampleDelivery(endpoint.id, 1, { entryId: row.id }),
      sampleDelivery(endpoint.id, 2),
    ]);
    await notices.put([notice('1')]);
    const erase = () =>
      erasures.erase(
        [row.id],
        NOW_MS,
        (hash) => hash,
        () => unjournaled,
      );
    await erase();
    await enqueue([sampleDelivery(endpoint.id, 3, { entryId: row.id })]);
    await notices.put([notice('2')]);
    await webhooks.forgetEntries(['no id']);
    await notices.forgetEntries([]);
    const bodies = (await queueOf(endpoint)).map(({ body }) => JSON.parse(body).data);
    const erased = { account: 'a', entry: row.id, erased: true };
    assert.deepEqual(bodies, [erased, { account: 'a', entry: '', meter: 'meter 1' }, erased]);
    const told = (await notices.list({ accountId, limit: 9 })).items;
    assert.deepEqual(
      told.map(({ data }) => data),
      [
        { entry: row.id, erased: true },
        { entry: row.id, erased: true },
      ],
    );
    assert.equal(JSON.stringify(told).includes('meter'), false);
  });
}

export function noticeTests(scene: StoreScene, it: Test): void {
  const notice = (
    accountId: string,
    event: number,
    choices: { topic?: string; text?: string } = {},
  ) => ({
    eventId: String(event).padStart(20, '0'),
    accountId,
    topic: 'webhook.failing wh_1',
    type: 'webhook.failing',
    text: `after ${event}`,
    data: { webhook: 'wh_1', n: event },
    atMs: NOW_MS + event,
    ...choices,
  });

  it('counts alike notices until they are read, each event once', async () => {
    const { notices } = await scene.store();
    const accountId = `account-${unique()}`;
    const told = async () =>
      (await notices.list({ accountId, limit: 9 })).items.map(({ text, count, readAtMs }) => [
        text,
        count,
        readAtMs,
      ]);
    await notices.put([notice(accountId, 1), notice(accountId, 2)]);
    await notices.put([notice(accountId, 1), notice(accountId, 2)]);
    assert.deepEqual(await told(), [['after 2', 2, undefined]]);
    const [kept] = (await notices.list({ accountId, limit: 9 })).items;
    assert.equal(await notices.markRead(kept!.id, `${accountId}x`, 9), undefined, 'not theirs');
    assert.equal(await notices.markRead('nt_0', accountId, 9), undefined);
    assert.equal(await notices.markRead('no id', accountId, 9), undefined);
    assert.deepEqual(await notices.markRead(kept!.id, accountId, 9), { ...kept, readAtMs: 9 });
    assert.equal((await notices.markRead(kept!.id, accountId, 10))?.readAtMs, 9);
    await notices.put([notice(accountId, 2)]);
    assert.deepEqual(await told(), [['after 2', 2, 9]], 'an event that was told is not told again');
    await notices.put([notice(accountId, 3)]);
    assert.deepEqual(await told(), [
      ['after 3', 1, undefined],
      ['after 2', 2, 9],
    ]);
    assert.equal(await notices.unread(accountId), 1);
  });

  it('lists the notices of one account, newest first, each once across pages', async () => {
    const { notices } = await scene.store();
    const [accountId, other] = [`account-${unique()}`, `account-${unique()}`];
    const topics = ['a', 'b', 'c', 'd', 'e'];
    await notices.put(topics.map((topic, n) => notice(accountId, n + 1, { topic, text: topic })));
    await notices.put([notice(other, 9)]);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await notices.list({
        accountId,
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.items.map(({ text }) => text));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(found, topics.toReversed());
    const [newest] = (await notices.list({ accountId, limit: 1 })).items;
    await notices.markRead(newest!.id, accountId, NOW_MS);
    const unread = await notices.list({ accountId, unread: true, limit: 9 });
    assert.deepEqual(
      unread.items.map(({ text }) => text),
      ['d', 'c', 'b', 'a'],
    );
    await notices.prune(NOW_MS + 3);
    const left = await notices.list({ accountId, limit: 9 });
    assert.deepEqual(
      left.items.map(({ text }) => text),
      ['d', 'c'],
    );
  });
}
