import { describe, expect, it } from '@jest/globals';
import type { Caller } from '@wattproof/core/spi';
import { AttachedDevices } from '../src/attached-devices.js';
import type { DeviceLines } from '../src/device-lines.js';

describe('The devices that a connection is a line to', () => {
  const owner: Caller = { kind: 'api-key', id: 'wpk_1', accountId: 'acc_1', scopes: [] };
  function attached(caller: Caller) {
    const told: string[] = [];
    const mine = new Set(['m1', 'm2']);
    const state = { isEnding: false };
    const devices = new AttachedDevices({
      callers: { maySpeakFor: async (_caller, device) => mine.has(device) },
      lines: {
        attach: (device: string) => void told.push(`+${device}`),
        detach: (device: string) => void told.push(`-${device}`),
      } as unknown as DeviceLines,
      line: { command: async () => true },
      caller: () => caller,
      isEnding: () => state.isEnding,
    });
    return { devices, told, mine, state };
  }

  it('end with the meter that is handed over, and with the connection', async () => {
    const { devices, told, mine } = attached(owner);
    for (const device of ['m1', 'm2', 'm1']) devices.attach(device, false);
    expect(await devices.stillSpeaksFor('m1')).toBe(true);
    mine.delete('m1');
    expect(await devices.stillSpeaksFor('m1')).toBe(false);
    expect(await devices.stillSpeaksFor('m1')).toBe(false);
    devices.detachAll('disconnected');
    devices.detachAll('disconnected');
    expect(told).toEqual(['+m1', '+m2', '-m1', '-m2']);
  });

  it('are a device itself from the beginning, and bounded in number', () => {
    const { devices, told, state } = attached({ ...owner, kind: 'device', meterIds: ['m1'] });
    devices.attachOwn();
    for (let n = 0; n < 2_000; n += 1) devices.attach(`other-${n}`, false);
    expect([told[0], told.length]).toEqual(['+m1', 1_024]);
    devices.detachAll('timeout');
    state.isEnding = true;
    devices.attachOwn();
    expect(told).toHaveLength(2_048);
  });
});
