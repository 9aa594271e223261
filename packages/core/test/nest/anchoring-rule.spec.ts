import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConfiguredPlugin } from '../../src/plugins/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeAnchor, FakeLedger } from '../../src/testing/fake-ledger/index.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const HOUR_MS = 3_600_000;
const IDS = ['one', 'two', 'three'] as const;

describe.each([
  ['any', 'any', 1],
  ['two of three', { atLeast: 2 }, 2],
] as const)('A gateway with three ledgers, of which a batch needs %s', (_what, require, needed) => {
  const clock = new FakeClock();
  const ledgers = IDS.map(() => new FakeLedger({ exclusion: 'ledger' }));
  let gateway: TestGateway;
  let batch = '';

  const anchor = (instanceId: string, place: number): ConfiguredPlugin => ({
    entry: { instanceId, kind: 'anchor', use: 'fake', config: {}, path: `anchors.${instanceId}` },
    plugin: fakeAnchor('ledger'),
    config: { ledger: ledgers[place], baseFee: 100n },
    url: import.meta.url,
    package: undefined,
  });
  const get = async (path: string) =>
    (await ask(`${gateway.url}/api/v1${path}`, { key: gateway.adminKey })).json;
  const metrics = async (): Promise<string> => {
    // What the store said before is then too old to be told again.
    await clock.advance(5_000);
    return (await ask(`${gateway.url}/metrics`)).text;
  };

  beforeAll(async () => {
    const policy = { finalityDepth: 2, deadlineMs: HOUR_MS, maxBumps: 0 };
    gateway = await startTestGateway({
      clock,
      config: {
        anchors: Object.fromEntries(IDS.map((id) => [id, { use: 'fake', policy }])),
        anchoring: { require },
      },
      parts: { plugins: IDS.map(anchor) },
    });
    const device = new TestDevice('meter-1');
    await gateway.services.store.meters.register(device.stored('active'), unjournaled);
    await ask(`${gateway.url}/api/v1/readings`, {
      body: device.signed(device.reading(clock.nowMs() - HOUR_MS)),
    });
    const { json } = await ask(`${gateway.url}/api/v1/batches/flush`, {
      method: 'POST',
      key: gateway.adminKey,
    });
    batch = json.id;
    await gateway.settle();
  });
  afterAll(() => gateway.stop());

  it('calls it anchored and final by as many, and shows that as a metric', async () => {
    const states: string[] = [];
    for (const ledger of ledgers) {
      ledger.mine(1);
      await gateway.settle();
      const shown = await get(`/batches/${batch}`);
      states.push(shown.anchor_status);
      expect(shown.anchoring.required).toBe(needed);
      const size = states.at(-1) === 'pending' ? 0 : 1;
      expect(await metrics()).toContain(
        `\nwattproof_batch_log_anchored_size{level="anchored"} ${size}\n`,
      );
    }
    expect(states).toEqual(IDS.map((_id, place) => (place + 1 < needed ? 'pending' : 'anchored')));
    ledgers[0]?.mine(1);
    await gateway.settle();
    expect((await get(`/batches/${batch}`)).anchor_status).toBe(
      needed === 1 ? 'final' : 'anchored',
    );
    for (const ledger of ledgers.slice(1, needed)) ledger.mine(1);
    await gateway.settle();
    expect((await get(`/batches/${batch}`)).anchor_status).toBe('final');
    expect(await metrics()).toContain('\nwattproof_batch_log_anchored_size{level="final"} 1\n');
  });
});
