import { afterEach, describe, expect, test } from '@jest/globals';
import type { Caller } from '@wattproof/core/spi';
import { ACCEPTED, eventually, keyOf, RunningBroker } from './running-broker.js';

describe('rights that end while a connection stands', () => {
  let broker: RunningBroker;
  afterEach(() => broker.stop());

  /** An account, and the meters that are its own for now. */
  function account(...meters: string[]): string[] {
    const meterIds = [...meters];
    const caller: Caller = { kind: 'api-key', id: 'wpk_1', accountId: 'a', meterIds, scopes: [] };
    const key = keyOf('account');
    broker.host.callers.know((shown) => shown.kind === 'api-key' && shown.key === key, caller);
    return meterIds;
  }

  test('who has handed a meter over is disconnected within a minute and hears of the others alone', async () => {
    broker = await RunningBroker.start();
    const meters = account('meter-7', 'meter-8');
    const session = { username: 'x', password: keyOf('account'), clientId: 'one', clean: false };
    const former = await broker.connect({
      ...session,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 60 },
    });
    const told = new Promise((resolve) => former.on('disconnect', resolve));
    await former.subscribeAsync('wattproof/v1/meter-7/commands', { qos: 1 });
    await former.subscribeAsync('wattproof/v1/meter-8/commands', { qos: 1 });
    meters.shift();
    for (let second = 0; second < 60; second += 1) broker.link.check();
    const send = (meter: string) =>
      broker.link.publish(`wattproof/v1/${meter}/commands`, '{}', { qos: 1 });
    expect(await told).toMatchObject({ reasonCode: 0x87 });
    expect(await send('meter-7')).toBe('unreachable');
    expect(await send('meter-8')).toBe('sent');
  });

  test('one device that leaves session after session takes none from the others', async () => {
    broker = await RunningBroker.start({ sessions: { max: 4, perCaller: 2 } });
    const leave = async (meter: string, clientId: string): Promise<void> => {
      const device = await broker.device(meter, { clientId, clean: false });
      await device.subscribeAsync(`wattproof/v1/${meter}/commands`, { qos: 1 });
      await device.endAsync(true);
      await eventually(() => broker.fact('connections') === 0);
    };
    await leave('meter-2', 'one');
    for (const clientId of ['1', '2', '3', '4', '5']) await leave('meter-1', clientId);
    expect(broker.fact('sessions')).toBe(3);
    expect(await broker.link.publish('wattproof/v1/meter-2/commands', '{}', { qos: 1 })).toBe(
      'sent',
    );
  });

  test('what waits for devices that are away has a bound in bytes', async () => {
    broker = await RunningBroker.start({ sessions: { queuedBytes: 1_024 } });
    const device = await broker.device('meter-1', { clientId: 'one', clean: false });
    await device.subscribeAsync('wattproof/v1/meter-1/commands', { qos: 1 });
    await device.endAsync(true);
    await eventually(() => broker.fact('connections') === 0);
    const send = (bytes: number) =>
      broker.link.publish('wattproof/v1/meter-1/commands', 'x'.repeat(bytes), { qos: 1 });
    expect([await send(600), await send(600), await send(10)]).toEqual([
      'sent',
      'unreachable',
      'sent',
    ]);
  });

  test('a device that came back under another client id is not offline by the will of its old connection', async () => {
    broker = await RunningBroker.start();
    broker.rule = () => ACCEPTED;
    const will = {
      topic: 'wattproof/v1/meter-1/status',
      payload: Buffer.from('{"state":"offline","will":true}'),
      qos: 1 as const,
    };
    const old = await broker.device('meter-1', { clientId: 'old', will });
    const back = await broker.device('meter-1', { clientId: 'new', will });
    old.stream.destroy();
    await eventually(() => broker.fact('connections') === 1);
    await back.publishAsync('wattproof/v1/meter-1/readings', '{}', { qos: 1 });
    expect(broker.arrived.map(({ message }) => [message.topic, message.speakerIsHere])).toEqual([
      ['wattproof/v1/meter-1/status', true],
      ['wattproof/v1/meter-1/readings', undefined],
    ]);
  });
});
