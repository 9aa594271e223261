import assert from 'node:assert/strict';
import type { NewDeadLetter } from '../../device-desk/dead-letter.js';
import { type AlertLimits, BACK_AFTER_MS } from '../../device-desk/device-desk.store.js';
import type { DeliveryProgress, DeviceAlert } from '../../device-desk/device-alert.js';
import type { Presence } from '../../device-desk/device-status.js';
import type { Journaled } from '../../logs/journal.js';
import type { Store } from '../../stores/store.js';
import { unjournaled } from '../unjournaled.js';
import { meterFingerprint, sha256, text, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const NOW_MS = 1_760_000_000_000;
/** No other test's devices are counted against this. */
const MANY = 1_000_000;
/** Nobody's clock was set back. */
export const FAR_MS = Number.MAX_SAFE_INTEGER;
export const ALERT_LIMITS: AlertLimits = {
  openOfMeter: MANY,
  openOfStranger: MANY,
  openOfStrangers: MANY,
  ofDevice: MANY,
  maxStrangers: MANY,
};

const meterCalled = (meterId: string) => ({
  meterId,
  accountId: 'a',
  fingerprint: meterFingerprint(),
  state: 'active' as const,
  keys: [],
  registeredAtMs: NOW_MS,
});

const presence = (sinceMs: number, online = true): Presence => ({
  online,
  why: online ? 'connected' : 'will',
  sinceMs,
});

export function sampleAlert(device: string, more: Partial<DeviceAlert> = {}): DeviceAlert {
  return {
    id: `al_${unique()}`,
    device,
    accountId: `account of ${device}`,
    severity: 'critical',
    code: 'overvoltage',
    text: '253 V',
    atMs: NOW_MS,
    receivedAtMs: NOW_MS + 5,
    body: { v: 253 },
    ...more,
  };
}

function telling(device: string): Journaled {
  return { ...unjournaled, events: [{ type: 'device.alert', atMs: NOW_MS, data: { device } }] };
}

/** How often an event of this device was committed. */
async function told(store: Store, device: string): Promise<number> {
  const events = await store.outbox.read(`desk ${unique()}`, ['device.alert'], 10_000);
  return events.filter(({ data }) => data['device'] === device).length;
}

function letter(source: string, n: number, more: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    atMs: NOW_MS + n,
    source,
    code: 'payload_invalid',
    detail: `letter ${n}`,
    size: 3,
    sha256: sha256(text(`${n}`)),
    firstBytes: text('abc'),
    ...more,
  };
}

export function deviceDeskTests(scene: StoreScene, it: Test): void {
  it('keeps the newest presence and the newest telemetry of a device, whatever comes late', async () => {
    const { desk } = await scene.store();
    const device = `device ${unique()}`;
    assert.equal(await desk.get(device), undefined);
    await desk.putPresence(device, presence(NOW_MS + 10), NOW_MS + 10, MANY, FAR_MS);
    await desk.putPresence(device, presence(NOW_MS, false), undefined, MANY, FAR_MS);
    await desk.putTelemetry(
      device,
      { atMs: 7, availableEnergyUWh: 2n ** 62n, body: { soc: 80 } },
      NOW_MS + 11,
      MANY,
    );
    await desk.putTelemetry(device, { atMs: 6, body: {} }, NOW_MS + 9, MANY);
    assert.deepEqual(plain(await desk.get(device)), {
      device,
      presence: presence(NOW_MS + 10),
      seenAtMs: NOW_MS + 11,
      telemetry: { atMs: 7, availableEnergyUWh: { int: String(2n ** 62n) }, body: { soc: 80 } },
      openAlerts: 0,
    });
    await desk.putPresence(device, presence(NOW_MS + 10, false), undefined, MANY, FAR_MS);
    await desk.putTelemetry(device, { atMs: 7, body: { soc: 81 } }, NOW_MS, MANY);
    assert.deepEqual(plain((await desk.find([device, 'nobody']))[0]), {
      device,
      presence: presence(NOW_MS + 10, false),
      seenAtMs: NOW_MS + 11,
      telemetry: { atMs: 7, body: { soc: 81 } },
      openAlerts: 0,
    });
  });

  it('forgets a presence that was dated by a clock that has been set back since', async () => {
    const { desk } = await scene.store();
    const device = `device ${unique()}`;
    await desk.putPresence(device, presence(NOW_MS), NOW_MS, MANY, NOW_MS);
    const gone = presence(NOW_MS - 9, false);
    await desk.putPresence(device, gone, undefined, MANY, NOW_MS);
    assert.deepEqual((await desk.get(device))?.presence, presence(NOW_MS));
    await desk.putPresence(device, gone, undefined, MANY, NOW_MS - 9);
    assert.deepEqual((await desk.get(device))?.presence, gone);
  });

  it('moves signs of life forward only, and keeps none of devices it does not know', async () => {
    const { desk, meters } = await scene.store();
    const [known, meter, stranger] = [`k ${unique()}`, `m ${unique()}`, `s ${unique()}`];
    await desk.putPresence(known, presence(NOW_MS), NOW_MS, MANY, FAR_MS);
    await meters.register(meterCalled(meter), unjournaled);
    await desk.putSeen(new Map([known, meter, stranger].map((one) => [one, NOW_MS + 3])));
    await desk.putSeen(new Map([[known, NOW_MS + 2]]));
    const seen = (await desk.find([known, meter, stranger])).map((one) => [
      one.device,
      one.seenAtMs,
    ]);
    assert.deepEqual(seen, [
      [known, NOW_MS + 3],
      [meter, NOW_MS + 3],
    ]);
  });

  it('takes who is silent for offline until the next sign of life, and nobody else', async () => {
    const { desk } = await scene.store();
    const [silent, lively, gone] = ['s', 'l', 'g'].map((one) => `${one} ${unique()}`);
    // Long before what other tests keep, so that theirs are silent, too.
    for (const device of [silent!, lively!])
      await desk.putPresence(device, presence(10), 10, MANY, FAR_MS);
    await desk.putPresence(gone!, presence(10, false), 10, MANY, FAR_MS);
    await desk.putSeen(new Map([[lively!, 20]]));
    assert.ok((await desk.putSilent(20, 30)) >= 1);
    const shown = async () =>
      (await desk.find([silent!, lively!, gone!])).map((one) => [one.device, one.presence]);
    const timeout = { online: false, why: 'timeout', sinceMs: 30 };
    const others = [
      [gone, presence(10, false)],
      [lively, presence(10)],
    ];
    assert.deepEqual(await shown(), [...others, [silent, timeout]]);
    await desk.putSeen(new Map([silent!, gone!].map((device) => [device, 30])));
    assert.deepEqual((await shown()).at(-1), [silent, timeout], 'that was before');
    await desk.putSeen(new Map([silent!, gone!].map((device) => [device, 31])));
    const revived = { online: true, why: 'status', sinceMs: 31 };
    assert.deepEqual(await shown(), [...others, [silent, revived]]);
  });

  it('takes who went and lives long after for online, for another replica has it, but not who said so itself', async () => {
    const { desk } = await scene.store();
    const devices = ['disconnected', 'will', 'status'] as const;
    const named = new Map(devices.map((why) => [why, `${why} ${unique()}`]));
    for (const [why, device] of named)
      await desk.putPresence(device, { online: false, why, sinceMs: 10 }, 10, MANY, FAR_MS);
    const shown = async (seenAtMs: number) => {
      await desk.putSeen(new Map([...named.values()].map((device) => [device, seenAtMs])));
      return (await desk.find([...named.values()])).map(({ presence: one }) => one?.online);
    };
    const early = 10 + BACK_AFTER_MS - 1;
    assert.deepEqual(await shown(early), [false, false, false], 'what was on its way when it went');
    assert.deepEqual(await shown(early + 1), [true, false, true]);
    const back = { online: true, why: 'status', sinceMs: early + 1 };
    assert.deepEqual((await desk.get(named.get('will')!))?.presence, back);
  });

  it('has room for meters always and for others as long as they are few', async () => {
    const { desk, meters } = await scene.store();
    const [stranger, meter] = [`s ${unique()}`, `m ${unique()}`];
    await meters.register(meterCalled(meter), unjournaled);
    assert.equal(await desk.putPresence(stranger, presence(1), 1, 0, FAR_MS), 'full');
    assert.equal(await desk.putTelemetry(stranger, { atMs: 1, body: {} }, 1, 0), 'full');
    const limits = { ...ALERT_LIMITS, maxStrangers: 0 };
    assert.equal(await desk.putAlert(sampleAlert(stranger), limits, telling(stranger)), 'full');
    assert.equal(await desk.get(stranger), undefined);
    assert.equal(await desk.putPresence(meter, presence(1), 1, 0, FAR_MS), 'kept');
    assert.equal(await desk.putPresence(stranger, presence(1), 1, MANY, FAR_MS), 'kept');
    assert.equal(await desk.putPresence(stranger, presence(2), 2, 0, FAR_MS), 'kept');
    assert.equal(
      await desk.putPresence(stranger, presence(1, false), 1, 0, FAR_MS),
      'kept',
      'older',
    );
  });

  it('keeps an alert once, tells it once, and counts it until it is cleared', async () => {
    const store = await scene.store();
    const { desk } = store;
    const device = `device ${unique()}`;
    const limits = { ...ALERT_LIMITS, openOfStranger: 2 };
    const first = sampleAlert(device);
    const put = (alert: DeviceAlert) => desk.putAlert(alert, limits, telling(device));
    assert.deepEqual(await Promise.all([put(first), put(first)]).then((all) => all.toSorted()), [
      'duplicate',
      'kept',
    ]);
    assert.equal(await told(store, device), 1);
    assert.equal(await put(sampleAlert(device, { severity: 'info' })), 'kept');
    assert.equal(await put(sampleAlert(device)), 'alerts_full');
    assert.equal(await told(store, device), 2);
    assert.equal((await desk.get(device))?.openAlerts, 2);
    assert.deepEqual(await desk.alert(first.id), first);

    const cleared = { by: 'operator-1', atMs: NOW_MS + 9, reason: 'looked at' };
    assert.deepEqual(await desk.clearAlert(first.id, cleared, telling(device)), {
      ...first,
      cleared,
    });
    const again = await desk.clearAlert(first.id, { ...cleared, by: 'another' }, telling(device));
    assert.deepEqual(again?.cleared, cleared);
    assert.equal(await told(store, device), 3);
    assert.equal(await desk.clearAlert('al_0', cleared, telling(device)), undefined);
    assert.equal(await put(first), 'duplicate', 'what was cleared is not told anew');
    assert.equal((await desk.get(device))?.openAlerts, 1);
    assert.equal(await put(sampleAlert(device)), 'kept');
  });

  it('has room for alerts of meters by severity, and for few of all others together', async () => {
    const { desk, meters } = await scene.store();
    const [meter, stranger, other] = [`m ${unique()}`, `s ${unique()}`, `o ${unique()}`];
    await meters.register(meterCalled(meter), unjournaled);
    // Other tests leave open alerts of strangers.
    const before = await desk.counts();
    const open = Object.values(before.openAlerts).reduce((sum, one) => sum + one, 0);
    const limits = { ...ALERT_LIMITS, openOfMeter: 1, openOfStranger: 2 };
    const put = (device: string, more: Partial<DeviceAlert> = {}, own: Partial<AlertLimits> = {}) =>
      desk.putAlert(sampleAlert(device, more), { ...limits, ...own }, unjournaled);
    assert.equal(await put(meter, { severity: 'info' }), 'kept');
    assert.equal(await put(meter, { severity: 'info' }), 'alerts_full');
    assert.equal(await put(meter, {}, { openOfStranger: 0, openOfStrangers: 0 }), 'kept');
    // Whoever claims to have a meter has made up a name, too.
    const claimed = `c ${unique()}`;
    await meters.register({ ...meterCalled(claimed), state: 'pending' }, unjournaled);
    assert.equal(await put(claimed, {}, { openOfMeter: 9, openOfStranger: 1 }), 'kept');
    assert.equal(await put(claimed, {}, { openOfMeter: 9, openOfStranger: 1 }), 'alerts_full');
    assert.equal(await put(stranger, {}, { openOfStrangers: 0 }), 'alerts_full');
    assert.equal(await put(stranger), 'kept');
    assert.equal(await put(stranger, { severity: 'info' }), 'kept');
    assert.equal(await put(stranger), 'alerts_full');
    assert.equal(await put(other, {}, { openOfStrangers: 2 }), 'alerts_full');
    assert.equal(await put(other, {}, { openOfStrangers: open + 3 }), 'kept');
  });

  it('keeps of a device the newest alerts, and every one that is open', async () => {
    const { desk } = await scene.store();
    const device = `device ${unique()}`;
    const put = async (code: string) => {
      const alert = sampleAlert(device, { code });
      await desk.putAlert(alert, { ...ALERT_LIMITS, ofDevice: 2 }, unjournaled);
      return alert.id;
    };
    const clear = (id: string) =>
      desk.clearAlert(id, { by: 'x', atMs: NOW_MS, reason: 'y' }, unjournaled);
    await put('open');
    for (const code of ['a', 'b', 'c']) await clear(await put(code));
    await put('d');
    const left = (await desk.alerts({ device, limit: 9 })).items.map(({ code }) => code);
    assert.deepEqual(left, ['d', 'c', 'open']);
  });

  it('forgets old alerts of strangers and says how many were open; of meters it names those that are', async () => {
    const { desk, meters } = await scene.store();
    const [meter, stranger, later] = [`m ${unique()}`, `s ${unique()}`, `l ${unique()}`];
    await meters.register(meterCalled(meter), unjournaled);
    const put = async (device: string, receivedAtMs: number) => {
      const alert = sampleAlert(device, { receivedAtMs });
      await desk.putAlert(alert, ALERT_LIMITS, unjournaled);
      return alert;
    };
    // Before whatever other tests keep.
    const old = await put(meter, 1);
    for (const n of [1, 2]) await put(stranger, n);
    const over = await put(stranger, 1);
    await desk.clearAlert(over.id, { by: 'x', atMs: NOW_MS, reason: 'y' }, unjournaled);
    await put(later, 1);
    await meters.register(meterCalled(later), unjournaled);
    const young = await put(stranger, 3);
    const before = { alertsMs: 0, progressMs: 0, strangersMs: 0, strangerAlertsMs: 3 };
    assert.deepEqual(await desk.prune(before), { forgotten: 2 });
    assert.deepEqual((await desk.alerts({ device: stranger, limit: 9 })).items, [young]);
    const open = await desk.openBefore(2, 999);
    assert.deepEqual(
      open.map(({ device }) => device),
      [meter, later],
    );
    assert.deepEqual(open[0], old);
    assert.equal((await desk.openBefore(2, 1)).length, 1);
    assert.deepEqual(await desk.openBefore(1, 999), []);
  });

  it('lists alerts newest first, by device, account and whether they are open', async () => {
    const { desk } = await scene.store();
    const device = `device ${unique()}`;
    const limits = ALERT_LIMITS;
    for (const code of ['a', 'b', 'c'])
      await desk.putAlert(
        sampleAlert(device, { code, accountId: code === 'b' ? `other ${device}` : device }),
        limits,
        unjournaled,
      );
    const codes = async (query: Parameters<typeof desk.alerts>[0]) =>
      (await desk.alerts(query)).items.map(({ code }) => code);
    const one = await desk.alerts({ device, limit: 2 });
    assert.deepEqual(
      one.items.map(({ code }) => code),
      ['c', 'b'],
    );
    assert.deepEqual(await codes({ device, limit: 2, cursor: one.cursor! }), ['a']);
    assert.deepEqual(await codes({ accountId: device, limit: 9 }), ['c', 'a']);
    const { id } = one.items[0]!;
    await desk.clearAlert(id, { by: 'x', atMs: 1, reason: 'y' }, unjournaled);
    assert.deepEqual(await codes({ device, open: true, limit: 9 }), ['b', 'a']);
    assert.deepEqual(await codes({ device, open: false, limit: 9 }), ['c']);
  });

  it('keeps a report of a delivery once, and of each account the newest ones', async () => {
    const store = await scene.store();
    const { desk } = store;
    const transferId = `transfer ${unique()}`;
    const max = { ofTransfer: 2, ofAccount: MANY };
    const report = (n: number, account = 'a'): DeliveryProgress => ({
      transferId,
      hash: sha256(text(`${transferId} ${n} ${account}`)),
      ...(n === 1 ? {} : { device: 'd', deliveredUWh: BigInt(n) }),
      accountId: `${account} of ${transferId}`,
      state: 'running',
      atMs: n,
      receivedAtMs: NOW_MS + n,
      body: { n },
    });
    assert.equal(await desk.putProgress(report(1), max, telling(transferId)), 'kept');
    assert.equal(await desk.putProgress(report(1), max, telling(transferId)), 'duplicate');
    assert.equal(await told(store, transferId), 1);
    for (const n of [2, 3]) await desk.putProgress(report(n), max, unjournaled);
    await desk.putProgress(report(4, 'b'), max, unjournaled);
    const all = await desk.progress({ transferId, limit: 9 });
    assert.deepEqual(plain(all.items), plain([report(4, 'b'), report(3), report(2)]));
    const own = await desk.progress({ transferId, accountId: `a of ${transferId}`, limit: 1 });
    assert.deepEqual(plain(own.items), plain([report(3)]));
    const rest = await desk.progress({
      transferId,
      accountId: `a of ${transferId}`,
      limit: 9,
      cursor: own.cursor!,
    });
    assert.deepEqual(plain(rest.items), plain([report(2)]));
    const few = { ofTransfer: MANY, ofAccount: 1 };
    await desk.putProgress(report(5), few, unjournaled);
    const left = await desk.progress({ transferId, limit: 9 });
    assert.deepEqual(plain(left.items), plain([report(5), report(4, 'b')]));
  });

  it('keeps dead letters, the oldest of the same source making room', async () => {
    const { desk } = await scene.store();
    const [source, other] = [`topic/${unique()}`, `topic/${unique()}`];
    const most = { perSource: 3, inAll: MANY };
    await desk.putDeadLetter(letter(other, 0, { code: `code_${unique()}`, device: 'd' }), most);
    for (const n of [1, 2, 3, 4, 5]) await desk.putDeadLetter(letter(source, n), most);
    const found = await desk.deadLetters({ source, limit: 2 });
    assert.deepEqual(
      found.items.map(({ detail }) => detail),
      ['letter 5', 'letter 4'],
    );
    assert.ok(BigInt(found.items[0]!.id) > BigInt(found.items[1]!.id));
    const { id: _id, ...kept } = found.items[0]!;
    assert.deepEqual(plain(kept), plain(letter(source, 5)));
    const rest = await desk.deadLetters({ source, limit: 9, cursor: found.cursor! });
    assert.deepEqual(
      rest.items.map(({ detail }) => detail),
      ['letter 3'],
    );
    const [alone] = (await desk.deadLetters({ source: other, limit: 9 })).items;
    const byCode = await desk.deadLetters({ code: alone!.code, limit: 9 });
    assert.deepEqual(plain(byCode.items), plain([alone]));
    // Over all sources it is looked at now and then.
    for (let n = 0; n < 300; n += 1)
      await desk.putDeadLetter(letter(source, n), { perSource: MANY, inAll: 2 });
    const left = await desk.deadLetters({ limit: 999 });
    assert.ok(left.items.length <= 3, `${left.items.length} letters are kept`);
  });

  it('lists devices by name, each once across pages, and counts them', async () => {
    const { desk } = await scene.store();
    const before = await desk.counts();
    const head = `list ${unique()}`;
    const names = ['a', 'B', 'ä', '\u{1f50c}', '\u{ffee}'].map((one) => `${head} ${one}`);
    for (const device of names) await desk.putPresence(device, presence(1), 1, MANY, FAR_MS);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await desk.list({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.items.map(({ device }) => device));
      cursor = page.cursor;
    } while (cursor !== undefined);
    const own = found.filter((device) => device.startsWith(head));
    const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(own, sorted);
    await desk.putPresence(names[0]!, presence(2, false), undefined, MANY, FAR_MS);
    const limits = ALERT_LIMITS;
    await desk.putAlert(sampleAlert(names[0]!, { severity: 'warning' }), limits, unjournaled);
    const after = await desk.counts();
    assert.equal(after.online - before.online, 4);
    assert.equal(after.openAlerts.warning - before.openAlerts.warning, 1);
  });

  it('forgets what is over: cleared alerts, old reports, devices that are no meters and silent', async () => {
    const { desk, meters } = await scene.store();
    const limits = ALERT_LIMITS;
    const [silent, alarmed, meter] = [`s ${unique()}`, `a ${unique()}`, `m ${unique()}`];
    await meters.register(meterCalled(meter), unjournaled);
    for (const device of [silent, alarmed, meter])
      await desk.putPresence(device, presence(5), 5, MANY, FAR_MS);
    const open = sampleAlert(alarmed, { receivedAtMs: 5 });
    const over = sampleAlert(silent, { receivedAtMs: 5 });
    for (const alert of [open, over]) await desk.putAlert(alert, limits, unjournaled);
    await desk.clearAlert(over.id, { by: 'x', atMs: 5, reason: 'y' }, unjournaled);
    await desk.prune({ alertsMs: 6, strangerAlertsMs: 0, progressMs: 6, strangersMs: 6 });
    assert.equal(await desk.alert(over.id), undefined);
    assert.deepEqual(
      (await desk.find([silent, alarmed, meter])).map(({ device }) => device),
      [alarmed, meter],
    );
    await desk.prune({ alertsMs: 5, strangerAlertsMs: 0, progressMs: 5, strangersMs: 5 });
    assert.deepEqual(await desk.alert(open.id), open);
  });
}
