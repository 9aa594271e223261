import { afterEach, describe, expect, it } from '@jest/globals';
import type { DeviceCommand } from '@wattproof/core/spi';
import { DeskRefusal } from '@wattproof/core/spi';
import { TestClient } from './test-client.js';
import { WsScene } from './ws-scene.js';

let scene: WsScene;
afterEach(() => scene.end());

const COMMAND: DeviceCommand = {
  id: 'cmd_1',
  nonce: '0123456789abcdef0123456789abcdef',
  device: 'meter-1',
  name: 'lock',
  body: { energy_kwh: '1.5' },
  deadlineMs: Date.UTC(2026, 0, 15, 10),
};
const send = (command: Partial<DeviceCommand> = {}) =>
  scene.transport.commands.send({ ...COMMAND, ...command }, new AbortController().signal);

describe('What a device says of itself', () => {
  it('is kept before it is acknowledged: an alert, once', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const release = scene.host.desk.hold();
    const body = { code: 'battery_hot', at: '2026-01-15T10:00:00Z', celsius: 71.5 };
    const told = client.ask({ type: 'alert', body });
    await scene.roundTrip();
    expect(client.heard.map(({ type }) => type)).toEqual(['hello']);
    release();
    expect(await told).toMatchObject({ type: 'ack', outcome: 'accepted', alert: 'alert_0' });
    expect(await client.ask({ type: 'alert', body })).toMatchObject({ outcome: 'duplicate' });
    expect(scene.host.desk.alerts).toEqual([
      {
        device: 'meter-1',
        severity: 'warning',
        code: 'battery_hot',
        text: 'battery_hot',
        atMs: Date.UTC(2026, 0, 15, 10),
        body,
      },
    ]);
  });

  it('is telemetry, and with a state presence', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const status = { state: 'online', available_kwh: 8.2, volts: 230.1 };
    expect(await client.ask({ type: 'status', body: status })).toMatchObject({ type: 'ack' });
    const { telemetries, presences } = scene.host.desk;
    expect(telemetries).toEqual([
      {
        device: 'meter-1',
        atMs: scene.clock.nowMs(),
        availableEnergyUWh: 8_200_000_000n,
        body: { available_kwh: 8.2, volts: 230.1 },
      },
    ]);
    expect(presences.map(({ state, why }) => [state, why])).toEqual([
      ['online', 'connected'],
      ['online', 'status'],
    ]);
  });

  it.each([
    ['alert', {}, 'alert_code_missing'],
    ['alert', { code: 'x', severity: 'fatal' }, 'member_invalid'],
    ['alert', { code: 'x', at: 'yesterday' }, 'timestamp_invalid'],
    ['alert', [], 'body_invalid'],
    ['status', {}, 'status_empty'],
    ['status', { state: 'asleep' }, 'member_invalid'],
    ['status', { available_kwh: -1 }, 'member_invalid'],
    ['status', { available_kwh: '1e400' }, 'member_invalid'],
  ])('is refused with a reason: %s %j', async (type, body, code) => {
    scene = await WsScene.start();
    const client = await scene.device();
    expect(await client.ask({ type, body })).toMatchObject({ type: 'nack', code });
  });

  it('that the desk never takes is refused; what it cannot take now is to come again', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const { desk } = scene.host;
    desk.unavailable = new DeskRefusal('alerts_full', 'There are too many alerts.');
    expect(await client.ask({ type: 'alert', body: { code: 'x' } })).toEqual({
      type: 'nack',
      id: 'm1',
      code: 'alerts_full',
      detail: 'There are too many alerts.',
    });
    desk.unavailable = new Error('the store is away');
    expect(await client.ask({ type: 'alert', body: { code: 'x' } })).toMatchObject({
      type: 'retry',
      code: 'store_unavailable',
    });
    expect((await client.closed).code).toBe(1013);
  });
});

describe('Presence', () => {
  it('follows the connections of a device: it is gone when the last one is', async () => {
    scene = await WsScene.start();
    const [first, second] = [await scene.device(), await scene.device()];
    const states = () => scene.host.desk.presences.map(({ state, why }) => `${state} ${why}`);
    await first.close();
    await scene.roundTrip();
    expect(states().filter((text) => text.startsWith('off'))).toHaveLength(1); // the other device's
    await second.close();
    const gone = await scene.host.desk.until(({ presences }) =>
      presences.find(({ device, state }) => device === 'meter-1' && state === 'offline'),
    );
    expect(gone.why).toBe('disconnected');
  });

  it('ends with a device that answers no ping', async () => {
    scene = await WsScene.start({ pingIntervalMs: 10_000, pongTimeoutMs: 5_000 });
    const [deaf, well] = [
      await TestClient.withKey(scene.url, 'key-1', { autoPong: false }),
      await scene.device(2),
    ];
    const ponged = new Promise((resolve) => well.socket.once('ping', resolve));
    await scene.passes(10_000);
    await ponged;
    await scene.roundTrip();
    await scene.passes(5_000);
    expect((await deaf.closed).code).toBe(1006);
    expect(well.end).toBeUndefined();
    const gone = await scene.host.desk.until(({ presences }) =>
      presences.find(({ device, state }) => device === 'meter-1' && state === 'offline'),
    );
    expect(gone.why).toBe('timeout');
  });
});

describe('A command', () => {
  it('goes to the newest connection of the device, as it goes over every transport', async () => {
    scene = await WsScene.start();
    expect(await send()).toBe('unreachable');
    const [older, newer] = [await scene.device(), await scene.device()];
    expect(await send()).toBe('sent');
    expect(await newer.said('command')).toEqual({
      type: 'command',
      body: {
        id: 'cmd_1',
        nonce: COMMAND.nonce,
        device: 'meter-1',
        name: 'lock',
        deadline: '2026-01-15T10:00:00.000Z',
        body: { energy_kwh: '1.5' },
      },
    });
    await newer.close();
    await scene.roundTrip();
    expect(await send()).toBe('sent');
    await older.said('command');
  });

  it('is answered with the bytes that were signed; an answer that is not taken is told why', async () => {
    scene = await WsScene.start();
    const client = await scene.device();
    const { desk } = scene.host;
    const body = '{ "id":"cmd_1", "energy": 1.50 }';
    client.socket.send(`{"type":"answer","id":"a","body":${body}}`);
    expect(await client.said('ack')).toMatchObject({ id: 'a', outcome: 'accepted' });
    expect(Buffer.from(desk.answers[0]!.bytes).toString()).toBe(body);
    for (const outcome of ['late', 'unknown', 'invalid'] as const) {
      desk.verdictOf = () => outcome;
      expect(await client.ask({ type: 'answer', body: {} })).toMatchObject({
        type: 'nack',
        code: `answer_${outcome}`,
      });
    }
  });

  it('reaches a device through whoever speaks for it', async () => {
    scene = await WsScene.start();
    const hub = await TestClient.withKey(scene.url, 'owner-key');
    expect(await hub.ask({ type: 'status', body: { state: 'online' } })).toMatchObject({
      code: 'device_missing',
    });
    await hub.ask({ type: 'status', device: 'meter-1', body: { state: 'online' } });
    expect(await send()).toBe('sent');
    await hub.said('command');
    const device = await scene.device(2);
    expect(
      await device.ask({ type: 'status', device: 'meter-1', body: { state: 'online' } }),
    ).toMatchObject({ type: 'nack', code: 'device_not_yours' });
    await hub.close();
    await scene.roundTrip();
    expect(await send()).toBe('unreachable');
    expect(
      scene.host.desk.presences.filter(({ device: named }) => named === 'meter-1'),
    ).toMatchObject([{ state: 'online', why: 'status' }]);
  });

  it("goes to the device itself before whoever speaks for it, whose coming and going is not the device's", async () => {
    scene = await WsScene.start();
    const states = () =>
      scene.host.desk.presences
        .filter(({ device, why }) => device === 'meter-1' && why !== 'status')
        .map(({ state }) => state);
    const hub = await TestClient.withKey(scene.url, 'owner-key');
    const speak = () => hub.ask({ type: 'status', device: 'meter-1', body: { volts: 230 } });
    await speak();
    const device = await scene.device();
    await device.said('hello');
    expect(states()).toEqual(['online']);
    await speak();
    expect(await send()).toBe('sent');
    await device.said('command');
    expect(hub.heard.map(({ type }) => type)).not.toContain('command');
    await device.close();
    await scene.roundTrip();
    expect(states()).toEqual(['online', 'offline']);
    expect(await send()).toBe('sent');
    await hub.said('command');
  });

  it('reaches nobody who spoke for the device once and may not any more', async () => {
    scene = await WsScene.start();
    const meterIds = ['meter-1', 'meter-9'];
    scene.host.callers.know((shown) => shown.kind === 'api-key' && shown.key === 'hub-key', {
      kind: 'api-key',
      id: 'wpk_hub',
      accountId: 'acc_1',
      meterIds,
      scopes: [],
    });
    const hub = await TestClient.withKey(scene.url, 'hub-key');
    for (const device of meterIds) await hub.ask({ type: 'status', device, body: { volts: 230 } });
    meterIds.shift();
    expect(await send()).toBe('unreachable');
    expect(await send({ device: 'meter-9' })).toBe('sent');
    await hub.said('command');
    expect(hub.heard.filter(({ type }) => type === 'command')).toHaveLength(1);
  });
});
