import { beforeEach, describe, expect, it } from '@jest/globals';
import { DeskConfig } from '../../src/device-desk/device-desk.config.js';
import { DeviceDeskService } from '../../src/device-desk/device-desk.service.js';
import { MeterDirectory } from '../../src/devices/meter-directory.js';
import type { DeviceDesk } from '../../src/spi/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';

describe('The device desk', () => {
  const clock = new FakeClock();
  let store: Store;
  let desk: DeviceDeskService;

  function deskWith(config: Partial<DeskConfig> = {}): DeviceDeskService {
    return new DeviceDeskService({
      store: store.desk,
      directory: new MeterDirectory({ store: store.meters, clock, maxStaleMs: 0, entries: 9 }),
      clock,
      config: DeskConfig.parse(config),
    });
  }
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => 'taken',
      ({ name, code }: { name: string; code: string }) => `${name} ${code}`,
    );
  const events = () => store.outbox.read('test', 'all', 99);
  const alert = (more: object = {}): Parameters<DeviceDesk['alert']>[0] => ({
    device: 'esp32-1',
    severity: 'critical',
    code: 'V>65',
    text: 'over voltage',
    atMs: clock.nowMs(),
    body: { voltage: 66 },
    ...more,
  });

  beforeEach(() => {
    store = openMemoryStore({ clock });
    desk = deskWith();
  });

  it('keeps signs of life in memory and writes them when it is told to, also after the store was away', async () => {
    const nowMs = clock.nowMs();
    await desk.presence({ device: 'd', state: 'online', why: 'connected', atMs: nowMs - 9 });
    desk.seen('d', nowMs - 5);
    desk.seen('d', nowMs - 7);
    desk.seen('d', nowMs + 99);
    for (const odd of ['', 'a\nb', '\ud800', 'x'.repeat(257)]) desk.seen(odd, nowMs);
    desk.seen('d', Number.NaN);
    expect((await store.desk.get('d'))?.seenAtMs).toBe(nowMs - 9);
    expect((await desk.status('d'))?.seenAtMs).toBe(nowMs);
    const { putSeen } = store.desk;
    store.desk.putSeen = () => Promise.reject(new Error('away'));
    await expect(desk.flushSeen()).rejects.toThrow('away');
    store.desk.putSeen = putSeen;
    await desk.flushSeen();
    expect((await store.desk.get('d'))?.seenAtMs).toBe(nowMs);
  });

  it('takes a last will for no sign of life, and a clock that runs ahead for now', async () => {
    const nowMs = clock.nowMs();
    await desk.presence({ device: 'd', state: 'online', why: 'connected', atMs: nowMs - 10 });
    await desk.presence({ device: 'd', state: 'offline', why: 'will', atMs: nowMs + 1e9 });
    expect(await desk.status('d')).toEqual({
      device: 'd',
      presence: { online: false, why: 'will', sinceMs: nowMs },
      seenAtMs: nowMs - 10,
      openAlerts: 0,
    });
    await desk.presence({ device: 'd', state: 'online', why: 'status', atMs: nowMs });
    expect((await desk.status('d'))?.presence?.online).toBe(true);
  });

  it('tells an alert once, to the owner of the meter or to the operators', async () => {
    const device = new TestDevice('meter-1');
    await store.meters.register(device.stored('active', { accountId: 'ada' }), unjournaled);
    const first = await desk.alert(alert({ device: 'meter-1' }));
    expect(first.duplicate).toBe(false);
    expect(await desk.alert(alert({ device: 'meter-1' }))).toEqual({ ...first, duplicate: true });
    const other = await desk.alert(alert({ text: 'a\u0000b\u202e\n', code: '' }));
    expect(other.id).not.toBe(first.id);
    const told = (await events()).map(({ type, data }) => [type, data]);
    const at = new Date(clock.nowMs()).toISOString();
    expect(told).toEqual([
      [
        'device.alert',
        {
          account: 'ada',
          device: 'meter-1',
          meter: 'meter-1',
          alert: first.id,
          severity: 'critical',
          code: 'V>65',
          text: 'over voltage',
          at,
        },
      ],
      [
        'device.alert',
        {
          account: 'admin',
          device: 'esp32-1',
          alert: other.id,
          severity: 'critical',
          code: 'unnamed',
          text: 'a b',
          at,
        },
      ],
    ]);
    expect((await desk.status('meter-1'))?.openAlerts).toBe(1);
  });

  it('tells an emergency whatever the clock of the device says', async () => {
    const { id } = await desk.alert(alert({ atMs: 8.7e15 }));
    expect((await store.desk.alert(id))?.receivedAtMs).toBe(clock.nowMs());
  });

  it('keeps how far a delivery is, each report once', async () => {
    const report = {
      transferId: 'txn_1',
      device: 'esp32-1',
      state: 'running',
      deliveredUWh: 1_500_000_000n,
      atMs: clock.nowMs(),
      body: { delivered_kwh: 1.5 },
    };
    await desk.progress(report);
    await desk.progress({ ...report });
    await desk.progress({ ...report, deliveredUWh: 1_500_000_001n });
    expect((await store.desk.progress({ transferId: 'txn_1', limit: 9 })).items).toHaveLength(2);
    expect((await events()).map(({ type, data }) => [type, data['delivered_uwh']])).toEqual([
      ['delivery.progress', '1500000000'],
      ['delivery.progress', '1500000001'],
    ]);
  });

  const nowMs = clock.nowMs();
  const deep = JSON.parse(`${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`);
  const telemetry = (more: object) => ({ device: 'd', atMs: nowMs, body: {}, ...more });
  it.each<[string, string, (desk: DeviceDeskService) => Promise<unknown>]>([
    ['a name of nothing', 'device_invalid', (to) => to.telemetry(telemetry({ device: '' }))],
    ['a name of two lines', 'device_invalid', (to) => to.telemetry(telemetry({ device: 'a\nb' }))],
    ['a name with U+0000', 'device_invalid', (to) => to.alert(alert({ device: 'a\u0000' }))],
    ['half a character', 'device_invalid', (to) => to.alert(alert({ device: '\ud800' }))],
    ['a long name', 'device_invalid', (to) => to.telemetry(telemetry({ device: 'ä'.repeat(129) }))],
    ['no name', 'device_invalid', (to) => to.telemetry(telemetry({ device: 7 }))],
    ['a time ahead', 'time_invalid', (to) => to.telemetry(telemetry({ atMs: nowMs + 60_001 }))],
    ['a time that is none', 'time_invalid', (to) => to.telemetry(telemetry({ atMs: Number.NaN }))],
    ['a time before all', 'time_invalid', (to) => to.alert(alert({ atMs: -1 }))],
    ['half a millisecond', 'time_invalid', (to) => to.telemetry(telemetry({ atMs: 0.5 }))],
    ['a body too deep', 'report_invalid', (to) => to.telemetry(telemetry({ body: deep }))],
    ['a list for a body', 'report_invalid', (to) => to.alert(alert({ body: [] }))],
    ['no body', 'report_invalid', (to) => to.alert(alert({ body: undefined }))],
    [
      'half a character inside',
      'report_invalid',
      (to) => to.alert(alert({ body: { a: '\udc00' } })),
    ],
    [
      'a body too long',
      'report_invalid',
      (to) => to.telemetry(telemetry({ body: { a: 'x'.repeat(16_400) } })),
    ],
    [
      'energy below zero',
      'report_invalid',
      (to) => to.telemetry(telemetry({ availableEnergyUWh: -1n })),
    ],
    [
      'energy beyond int64',
      'report_invalid',
      (to) => to.telemetry(telemetry({ availableEnergyUWh: 2n ** 63n })),
    ],
    ['an unknown severity', 'report_invalid', (to) => to.alert(alert({ severity: 'fatal' }))],
    [
      'a state that is none',
      'report_invalid',
      (to) => to.presence({ device: 'd', state: 'there' as never, why: 'connected', atMs: nowMs }),
    ],
    [
      'a transfer without a name',
      'report_invalid',
      (to) => to.progress({ transferId: '', state: 's', atMs: nowMs, body: {} }),
    ],
  ])('refuses %s for good, with %s', async (_, code, hand) => {
    expect(await refusal(hand(desk))).toBe(`DeskRefusal ${code}`);
    expect([await events(), (await store.desk.list({ limit: 9 })).items]).toEqual([[], []]);
  });

  it('is full of strangers at its bound, and of alerts that nobody clears', async () => {
    const small = deskWith({ maxStrangers: 1, maxOpenAlertsOfStranger: 1 });
    expect(await refusal(small.alert(alert()))).toBe('taken');
    expect(await refusal(small.alert(alert({ text: 'again' })))).toBe('DeskRefusal alerts_full');
    expect(await refusal(small.alert(alert({ device: 'two' })))).toBe('DeskRefusal desk_full');
    expect(await refusal(small.telemetry(telemetry({})))).toBe('DeskRefusal desk_full');
    expect(small.lostAlerts()).toEqual({ refused: 2, forgotten: 0 });
  });

  it('holds few alerts of all devices that are no meters, and forgets them when they are old', async () => {
    const small = deskWith({ maxOpenAlertsOfStrangers: 3, keepStrangerAlertsMs: 1_000 });
    for (let n = 0; n < 5; n += 1)
      expect(await refusal(small.alert(alert({ device: `made-up-${n}` })))).toBe(
        n < 3 ? 'taken' : 'DeskRefusal alerts_full',
      );
    const meter = new TestDevice('meter-1');
    await store.meters.register(meter.stored('active', { accountId: 'ada' }), unjournaled);
    expect(await refusal(small.alert(alert({ device: 'meter-1' })))).toBe('taken');
    await clock.advance(1_001);
    await small.prune();
    expect(small.lostAlerts()).toEqual({ refused: 2, forgotten: 3 });
    expect((await store.desk.alerts({ limit: 9 })).items).toMatchObject([{ device: 'meter-1' }]);
    expect(await refusal(small.alert(alert({ device: 'made-up-9' })))).toBe('taken');
  });

  it('keeps of a dead letter what tells a person what it was, and no secret', async () => {
    const bytes = Buffer.from(
      `{"password":"hunter2 is \\"long\\"","token": "abc","v":"wpk_0011223344556677.AbC-_9","n":1,"pad":"${'x'.repeat(500)}"}`,
    );
    await desk.deadLetter({
      source: 'energy/donor/\u0000\u202e1/status',
      device: 'd\n1',
      code: 'payload_invalid',
      detail: 'CONNECT with password=hunter2, Bearer abc.def and wpk_0011223344556677.AbC-_9\nline',
      bytes,
    });
    const [letter] = (await store.desk.deadLetters({ limit: 9 })).items;
    const { createHash } = await import('node:crypto');
    expect(letter).toMatchObject({
      source: 'energy/donor/\u{fffd}\u{fffd}1/status',
      device: 'd\u{fffd}1',
      code: 'payload_invalid',
      size: bytes.length,
      detail: expect.stringMatching(/^CONNECT with password=\*+, Bearer \*+ and \*+\u{fffd}line$/u),
    });
    expect(Buffer.from(letter!.sha256)).toEqual(createHash('sha256').update(bytes).digest());
    const first = Buffer.from(letter!.firstBytes).toString();
    expect(first).toHaveLength(256);
    expect(first).toMatch(/"n":1/);
    expect(first).not.toMatch(/hunter2|long|abc|AbC/);
  });

  it('blots out a secret that begins within the first bytes and ends beyond them', async () => {
    const bytes = Buffer.from(`${'y'.repeat(240)}{"secret":"${'s'.repeat(600)}"}`);
    await desk.deadLetter({ source: 's', code: 'c', detail: '', bytes });
    const [letter] = (await store.desk.deadLetters({ limit: 9 })).items;
    expect(Buffer.from(letter!.firstBytes).toString()).toBe(`${'y'.repeat(240)}{"secret":******`);
  });

  it('tells how large it was when only the first of it was read', async () => {
    const bytes = new Uint8Array(9);
    await desk.deadLetter({ source: 's', code: 'c', detail: '', bytes, size: 2_000_000 });
    const [letter] = (await store.desk.deadLetters({ limit: 9 })).items;
    expect(letter).toMatchObject({ size: 2_000_000, firstBytes: Buffer.from(bytes) });
  });

  it('takes every dead letter, and counts codes of a bounded number', async () => {
    const hand = (code: string, more: object = {}) =>
      desk.deadLetter({ source: '', code, detail: '', bytes: new Uint8Array(0), ...more });
    await hand('Not A Code', { detail: 'x'.repeat(9_999), source: 'y'.repeat(9_999) });
    const [letter] = (await store.desk.deadLetters({ limit: 9 })).items;
    expect([letter?.code, letter?.detail.length, letter?.source.length]).toEqual([
      'unknown',
      1024,
      512,
    ]);
    for (let n = 0; n < 70; n += 1) await hand(`code_${n}`);
    const counts = desk.deadLetterCounts();
    expect(counts.size).toBe(65);
    expect([counts.get('unknown'), counts.get('code_1'), counts.get('other')]).toEqual([1, 1, 7]);
  });
});
