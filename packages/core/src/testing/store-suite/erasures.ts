import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import { bodyOf } from '../../events/webhooks/erased-body.js';
import type { ErasedEntry, ErasedReports } from '../../logs/erasure.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { JsonObject } from '../../spi/index.js';
import { REPORT_EVENTS } from '../../stores/committed-events.js';
import { unjournaled } from '../unjournaled.js';
import { sampleCommand } from './device-commands.js';
import { ALERT_LIMITS, FAR_MS, sampleAlert } from './device-desk.js';
import { sampleEndpoint } from './webhooks.js';
import { MeteredHouse, NOON_MS } from './metered-house.js';
import {
  QUARTER_MS,
  sampleEntry,
  sampleReading,
  sampleSignature,
  sentAgain,
  unique,
} from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const AT_MS = 1_760_000_000_000;
const keyOf = (logHash: Uint8Array): Uint8Array =>
  createHmac('sha256', 'a pepper').update(logHash).digest();

export function erasureTests(scene: StoreScene, it: Test): void {
  const say = (erased: readonly ErasedEntry[]): Journaled => ({
    rows: erased.map(() => sampleEntry({ source: 'system', type: 'erasure' })),
    issue: (given) => scene.issue(given),
  });
  const erase = async (...ids: string[]) =>
    (await scene.store()).erasures.erase(ids, AT_MS, keyOf, say);
  const replay = async (row: Parameters<typeof sentAgain>[0]) => {
    const { ingest } = await scene.store();
    const [answer] = await ingest.commit([sentAgain(row)], (given) => scene.issue(given), keyOf);
    return answer?.outcome;
  };

  it('erases what an entry says and keeps that it was there', async () => {
    const { entries, erasures } = await scene.store();
    const row = sampleReading({ signature: sampleSignature(), reading: { meterId: 'erased-1' } });
    await scene.commit(row);
    assert.equal(await erasures.erased(row.id), undefined);
    assert.deepEqual(await erase(row.id), [{ entryId: row.id, kind: 'erased' }]);
    assert.equal(await entries.get(row.id), undefined);
    assert.equal(await entries.leaf(row.id), undefined);
    assert.equal(await entries.receipt(row.id), undefined);
    assert.deepEqual((await entries.list({ meterId: 'erased-1', limit: 10 })).items, []);
    const erased = await erasures.erased(row.id);
    assert.deepEqual(
      [erased?.entryId, erased?.accountId, erased?.erasedAtMs],
      [row.id, row.accountId, AT_MS],
    );
    assert.deepEqual(await erase(row.id), [{ entryId: row.id, kind: 'already_erased' }]);
  });

  it('takes erased bytes never again, nor what else would count twice', async () => {
    const sequence = { device: `erased ${unique()}`, epoch: 0, number: 7n };
    const row = sampleReading({ reading: { sequence } });
    await scene.commit(row);
    await erase(row.id);
    const again = await replay(row);
    assert.ok(again?.kind === 'refused' && again.code === 'erased');
    const { fingerprint, startsMs, endsMs } = row.reading!;
    const other = await replay(sampleReading({ reading: { fingerprint, startsMs, endsMs } }));
    assert.ok(other?.kind === 'refused' && other.code === 'interval_overlap');
    const liar = await replay(sampleReading({ reading: { sequence } }));
    assert.ok(liar?.kind === 'stored' && liar.reason === 'sequence_equivocation');
    assert.equal((await replay(sampleReading()))?.kind, 'stored', 'others are taken');
  });

  it('erases what was derived from an entry with it, and all that from that', async () => {
    const { entries } = await scene.store();
    const row = sampleReading();
    const quote = sampleEntry({ source: 'system', type: 'quote', derivedFrom: [row.id] });
    const later = sampleEntry({ source: 'system', type: 'quote', derivedFrom: [quote.id] });
    const apart = sampleEntry({ source: 'system', type: 'quote' });
    for (const one of [row, quote, later, apart]) await scene.commit(one);
    await erase(row.id);
    for (const one of [row, quote, later]) assert.equal(await entries.get(one.id), undefined);
    assert.equal((await entries.get(apart.id))?.id, apart.id);
  });

  it('refuses what it cannot erase, and erases the rest', async () => {
    const row = sampleReading();
    const bare = sampleReading({ salt: new Uint8Array(0) });
    const system = sampleEntry({ source: 'system' });
    for (const one of [row, bare, system]) await scene.commit(one);
    const unknown = `log_${'0'.repeat(32)}`;
    assert.deepEqual(await erase(bare.id, row.id, system.id, unknown, 'no id'), [
      { entryId: bare.id, kind: 'refused', code: 'entry_unsalted' },
      { entryId: row.id, kind: 'erased' },
      { entryId: system.id, kind: 'refused', code: 'entry_system' },
      { entryId: unknown, kind: 'refused', code: 'entry_unknown' },
      { entryId: 'no id', kind: 'refused', code: 'entry_unknown' },
    ]);
    const { entries } = await scene.store();
    assert.equal((await entries.get(bare.id))?.id, bare.id);
  });

  it('leaves nothing of an erased entry in events', async () => {
    const { outbox } = await scene.store();
    const row = sampleReading({ reading: { meterId: `erased meter ${unique()}` } });
    await scene.commit(row);
    await erase(row.id);
    const cursor = `erasure ${unique()}`;
    const hash = Buffer.from(row.logHash).toString('hex');
    for (;;) {
      const events = await outbox.read(cursor, 'all', 500);
      const told = JSON.stringify(events);
      assert.ok(!told.includes(hash) && !told.includes(row.reading!.meterId));
      if (events.length < 500) break;
      await outbox.advance(cursor, events.at(-1)!.id);
    }
  });

  it('keeps of measured energy what was used, and nothing that could be', async () => {
    const house = new MeteredHouse(scene, await scene.store());
    const rows = house.readings(2);
    await house.credit(...rows);
    await house.ask(house.claim(`erased ${unique()}`, 100_000_000n));
    await erase(...rows.map(({ id }) => id));
    assert.deepEqual(
      (await house.statements()).map((one) => [one.creditedUWh, one.claimedUWh, one.frozen]),
      [[100_000_000n, 100_000_000n, true]],
    );
    // The readings' events may come again.
    await house.store.energy.credit(
      rows.map(({ id }) => ({ entryId: id })),
      () => ['energy', 'attribute'],
      house.say,
    );
    assert.equal((await house.statements()).length, 1);
  });

  it('leaves no credit of what was replaced before it was erased, so that its time counts once', async () => {
    const house = new MeteredHouse(scene, await scene.store());
    const [first] = house.readings(1) as [IngestRow];
    const replacing = (before: IngestRow, startsMs: number) =>
      sampleReading({
        accountId: house.accountId,
        reading: {
          ...before.reading!,
          startsMs,
          endsMs: startsMs + QUARTER_MS,
          supersedes: before.logHash,
        },
      });
    const balances = async () =>
      (await house.statements()).map(({ startsMs, creditedUWh, claimedUWh, shortfallUWh }) => [
        startsMs - NOON_MS,
        ...[creditedUWh, claimedUWh, shortfallUWh].map((one) => one / 1_000_000n),
      ]);
    await house.credit(first);
    await house.ask(house.claim(`moved ${unique()}`, 50_000_000n));
    const moved = replacing(first, NOON_MS + 60_000);
    await scene.commit(moved);
    await erase(first.id);
    await house.credit(moved);
    const once = [
      [0, 0n, 50n, 50n],
      [60_000, 200n, 0n, 0n],
    ];
    assert.deepEqual(await balances(), once);
    // Now the one that replaces is erased before it is credited: its event still names what it had replaced.
    const away = replacing(moved, NOON_MS + 8 * QUARTER_MS);
    await scene.commit(away);
    await erase(away.id);
    const { outbox } = house.store;
    const cursor = `replaced ${unique()}`;
    let told: unknown;
    for (;;) {
      const events = await outbox.read(cursor, 'all', 500);
      told ??= events.find(({ data }) => data['entry'] === away.id)?.data;
      if (events.length < 500) break;
      await outbox.advance(cursor, events.at(-1)!.id);
    }
    const { accountId: account } = house;
    assert.deepEqual(told, { entry: away.id, account, erased: true, replaced: moved.id });
    await house.store.energy.credit([{ entryId: moved.id }], () => [], house.say);
    assert.deepEqual(await balances(), [once[0], [60_000, 0n, 0n, 0n]]);
  });

  it('waits for a reading that replaces what it erases, and leaves it nothing to replace', async () => {
    const house = new MeteredHouse(scene, await scene.store());
    const rows = house.readings(12);
    await house.credit(...rows);
    const moved = rows.map((before) =>
      sampleReading({
        accountId: house.accountId,
        reading: {
          ...before.reading!,
          startsMs: before.reading!.startsMs + 20 * QUARTER_MS,
          endsMs: before.reading!.endsMs + 20 * QUARTER_MS,
          supersedes: before.logHash,
        },
      }),
    );
    await house.ask(house.claim(`raced ${unique()}`, 50_000_000n, {}, [...rows.keys()]));
    await Promise.all(rows.flatMap((row, at) => [scene.commit(moved[at]!), erase(row.id)]));
    await house.credit(...moved);
    for (const { startsMs, creditedUWh, shortfallUWh } of await house.statements()) {
      const at = (startsMs - NOON_MS) / QUARTER_MS;
      if (at >= 20) continue;
      const replaced = (await house.store.entries.get(moved[at]!.id)) !== undefined;
      assert.deepEqual(
        [creditedUWh, shortfallUWh],
        replaced ? [0n, 50_000_000n] : [50_000_000n, 0n],
      );
    }
  });

  it('erases an entry once, however many ask at once, and nothing of which nothing is said', async () => {
    const { erasures, entries } = await scene.store();
    const row = sampleReading();
    await scene.commit(row);
    const dumb = (): Journaled => ({
      rows: [sampleEntry({ source: 'system' })],
      issue: () => Promise.reject(new Error('no signer')),
    });
    await assert.rejects(erasures.erase([row.id], AT_MS, keyOf, dumb), /no signer/);
    assert.equal((await entries.get(row.id))?.id, row.id);
    const answers = await Promise.all(Array.from({ length: 6 }, () => erase(row.id)));
    const kinds = answers.flat().map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === 'erased').length, 1, kinds.join());
  });

  it('erases what the device of a meter told and was asked in a time, and what was told of it', async () => {
    const store = await scene.store();
    const { desk, commands, erasures, outbox, notices, webhooks } = store;
    const [meterId, other] = [`meter "${unique()}`, `meter ${unique()}`];
    const [inMs, outMs] = [AT_MS + 5, AT_MS + 10];
    const said = (type: string, atMs: number, data: JsonObject): Journaled => ({
      ...unjournaled,
      events: [{ type, atMs, data: { account: 'ada', ...data } }],
    });
    const kept: string[] = [];
    for (const device of [meterId, other])
      for (const atMs of [inMs, outMs]) {
        const alert = sampleAlert(device, { atMs, receivedAtMs: atMs });
        const told = { device, meter: device, alert: alert.id, text: alert.text };
        await desk.putAlert(alert, ALERT_LIMITS, said('device.alert', atMs, told));
        const hash = sampleEntry({}).logHash;
        const more = { state: 's', atMs, receivedAtMs: atMs, body: {}, accountId: 'ada' };
        const transferId = `transfer ${unique()}`;
        await desk.putProgress(
          { transferId, hash, device, ...more },
          { ofTransfer: 9, ofAccount: 9_999 },
          said('delivery.progress', atMs, { device, transfer: transferId }),
        );
        for (const letter of [
          { source: `answers of ${device}`, device },
          { source: `energy/${device}/status` },
        ])
          await desk.putDeadLetter(
            { ...letter, atMs, code: 'c', detail: '', size: 0, sha256: hash, firstBytes: hash },
            { perSource: 9, inAll: 9_999_999 },
          );
        const command = sampleCommand({ meterId: device, askedAtMs: atMs, deadlineMs: outMs });
        await commands.put(command, { open: 9_999_999, openOfMeter: 9 });
        const answer = { body: { kwh: 1 }, hash, atMs, assurance: 'unsigned' as const };
        // Told later than it was asked: it goes with the command.
        const answered = { meter: device, command: command.id, body: answer.body };
        await commands.answer(command.id, answer, said('command.answered', outMs, answered));
        kept.push(command.id);
      }
    const open = sampleCommand({ meterId, askedAtMs: inMs, deadlineMs: outMs });
    await commands.put(open, { open: 9_999_999, openOfMeter: 9 });
    for (const device of [meterId, other]) {
      await desk.putTelemetry(device, { atMs: inMs, body: { v: 253 } }, outMs, 9_999_999);
      const presence = { online: true, why: 'connected', sinceMs: inMs } as const;
      await desk.putPresence(device, presence, outMs, 9_999_999, FAR_MS);
    }
    const cursor = `erased reports ${unique()}`;
    const own = async () => {
      const events = await outbox.read(cursor, REPORT_EVENTS, 99_999);
      return events.filter(({ data }) => [data['device'], data['meter']].includes(meterId));
    };
    const events = await own();
    assert.equal(events.length, 6);
    const hook = sampleEndpoint();
    await webhooks.create(hook, 9_999, unjournaled);
    const account = `account ${unique()}`;
    for (const { id: eventId, type, atMs, data } of events) {
      const body = bodyOf({ id: eventId, type, atMs, data });
      const times = { createdAtMs: atMs, nextAtMs: atMs, expiresAtMs: atMs };
      const missed = () => ({ type: 'webhook.missed', atMs, data: {} });
      await webhooks.enqueue([{ endpointId: hook.id, eventId, type, body, ...times }], 99, {
        missed,
      });
      const notice = { eventId, accountId: account, topic: eventId, type, text: 'x', data, atMs };
      await notices.put([notice]);
    }

    const counts: ErasedReports[] = [];
    const eraseReports = () =>
      erasures.eraseReports({ meterId, fromMs: inMs, toMs: outMs }, outMs + 1, (erased) => {
        counts.push(erased);
        return { ...unjournaled, events: [] };
      });
    const erased = { alerts: 1, telemetry: 1, deliveries: 1, commands: 1, deadLetters: 2 };
    assert.deepEqual(await eraseReports(), erased);
    assert.deepEqual(counts, [erased]);
    const nothing = { alerts: 0, telemetry: 0, deliveries: 0, commands: 0, deadLetters: 0 };
    assert.deepEqual(await eraseReports(), nothing);
    assert.equal(counts.length, 1, 'nothing is said of nothing');

    const left = (await desk.alerts({ device: meterId, limit: 9 })).items.map(({ atMs }) => atMs);
    assert.deepEqual(left, [outMs]);
    assert.deepEqual(await desk.get(meterId), { device: meterId, seenAtMs: outMs, openAlerts: 1 });
    assert.deepEqual(
      (await commands.list({ meterId, limit: 9 })).items.map(({ id }) => id),
      [open.id, kept[1]],
    );
    assert.equal((await desk.alerts({ device: other, limit: 9 })).items.length, 2);
    assert.ok((await desk.get(other))?.telemetry);
    assert.equal((await commands.list({ meterId: other, limit: 9 })).items.length, 2);
    const stay = events
      .filter(({ atMs, data }) => atMs === outMs && data['command'] !== kept[0])
      .map(({ id }) => id);
    assert.deepEqual(
      (await own()).map(({ id }) => id),
      stay,
    );
    const all = await outbox.read(cursor, REPORT_EVENTS, 99_999);
    const scrubbed = all.filter(({ id }) =>
      events.some((one) => one.id === id && !stay.includes(id)),
    );
    assert.equal(scrubbed.length, 3);
    for (const { data } of scrubbed) assert.deepEqual(data, { account: 'ada', erased: true });
    const { items } = await webhooks.deliveries({ endpointId: hook.id, limit: 99 });
    assert.equal(items.filter(({ body }) => body.includes('"erased":true')).length, 3);
    assert.equal(items.filter(({ body }) => body.includes(JSON.stringify(meterId))).length, 3);
    const told = (await notices.list({ accountId: account, limit: 99 })).items;
    assert.equal(told.length, 3);
  });
}
