import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { openDetector } from '../../src/detectors/open-detectors.js';
import { recompute } from '../../src/detectors/recompute.js';
import { defineDetector, type DetectorFinding } from '../../src/spi/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from '../nest/hosts.js';

const QUARTER_MS = 900_000;
/** Midnight UTC in winter: dark in Konstanz. */
const MIDNIGHT_MS = Date.parse('2026-01-15T00:00:00Z');
const KONSTANZ = { latitude: 47.7, longitude: 9.2 };

describe('Readings under detectors', () => {
  let gateway: TestGateway;
  let api: string;
  const solar = new TestDevice('solar-1');
  const house = new TestDevice('house-1');

  beforeAll(async () => {
    gateway = await startTestGateway({ clock: new FakeClock(MIDNIGHT_MS + 3 * 86_400_000) });
    api = `${gateway.url}/api/v1`;
    const { meters } = gateway.services.store;
    await meters.register(
      solar.stored('active', { accountId: 'ada', ratingW: 8_000, location: KONSTANZ }),
      unjournaled,
    );
    await meters.register(house.stored('active', { accountId: 'bob' }), unjournaled);
  });
  afterAll(() => gateway.stop());

  const send = async (device: TestDevice, endsMs: number, amounts: object) =>
    (
      await ask(`${api}/readings`, {
        body: device.signed(device.reading(endsMs, { import_kwh: undefined, ...amounts })),
      })
    ).json;
  const findings = async (id: string) =>
    (await ask(`${api}/logs/${id}/findings`, { key: gateway.adminKey })).json;

  it('are held when a solar plant generates at night, before they are credited to anybody', async () => {
    const held = await send(solar, MIDNIGHT_MS, { generation_kwh: '0.5' });
    expect(held).toMatchObject({ verdict: 'quarantined', reason: 'night_generation' });
    expect(held.detail).toContain('register generation: 500000000 µWh');
    const standby = await send(solar, MIDNIGHT_MS + QUARTER_MS, { generation_kwh: '0.01' });
    const noon = await send(solar, MIDNIGHT_MS + 48 * QUARTER_MS, { generation_kwh: '0.5' });
    const estimated = { generation_kwh: '0.5', status: 'estimated' };
    const guessed = await send(solar, MIDNIGHT_MS + 2 * QUARTER_MS, estimated);
    // Nobody said where it is.
    const nowhere = await send(house, MIDNIGHT_MS, { generation_kwh: '0.5' });
    for (const one of [standby, noon, guessed, nowhere]) expect(one.verdict).toBe('accepted');
    await gateway.settle();
    const found = await findings(held.id);
    expect(found).toMatchObject({
      verdict: 'quarantined',
      findings: [{ detector: 'night-solar', action: 'quarantine', code: 'night_generation' }],
    });
    // Who fills in draws lines through the night: somebody may look, nobody loses anything.
    expect(await findings(guessed.id)).toMatchObject({
      verdict: 'flagged',
      reason: 'night_generation',
    });
    const energy = await ask(`${api}/meters/solar-1/energy`, { key: gateway.adminKey });
    // Flagged after it was credited, and credited once.
    expect(
      energy.json.intervals.map((one: { credited_kwh: string }) => one.credited_kwh).sort(),
    ).toEqual(['0.01', '0.01', '0.5', '0.5', '0.5', '0.5']);
    const health = await ask(`${api}/meters/solar-1/health`, { key: gateway.adminKey });
    expect(JSON.stringify(health.json)).toMatch(/"flagged":1\b.*"quarantined":1\b/);
  });

  it('are not flagged again when somebody looked at them and let them through', async () => {
    const held = await send(solar, MIDNIGHT_MS + 4 * QUARTER_MS, { generation_kwh: '0.3' });
    expect(held.verdict).toBe('quarantined');
    await gateway.settle();
    await gateway.services.quarantine.release(held.id, 'ops', 'a test of the inverter at night');
    await gateway.settle();
    expect(await findings(held.id)).toMatchObject({ verdict: 'accepted', reason: 'released' });
  });

  it('are flagged after their commit, once, with a finding that the log states and anybody computes again', async () => {
    const sent: string[] = [];
    for (let i = 1; i <= 97; i += 1) {
      const kwh = i === 97 ? '9' : `0.${(i * 7) % 10}5`;
      sent.push((await send(house, MIDNIGHT_MS + i * QUARTER_MS, { import_kwh: kwh })).id);
    }
    await gateway.settle();
    const last = sent.at(-1) as string;
    const entry = (await ask(`${api}/logs/${last}`, { key: gateway.adminKey })).json;
    expect(entry).toMatchObject({ verdict: 'flagged', reason: 'two_sigma' });
    expect((await findings(sent[50] as string)).findings).toEqual([]);
    const { findings: found } = await findings(last);
    expect(found).toMatchObject([{ detector: 'two-sigma', register: 'import', action: 'flag' }]);
    const [{ document, hash, entry: statedBy }] = found;
    const said = await gateway.services.store.entries.get(statedBy);
    expect(said).toMatchObject({ type: 'finding', format: 'finding/1', accountId: 'bob' });
    expect(JSON.parse(Buffer.from(said!.bytes).toString())).toMatchObject({
      finding: hash,
      reading: entry.leaf_hash,
      code: 'two_sigma',
    });
    const again = await recompute(JSON.stringify(document));
    expect(again).toEqual({ same: true, hash, differences: [] });
    // The receipt of the flag is under rules that name the finding, and not those of ingestion.
    const { receipt } = (await send(house, MIDNIGHT_MS + 97 * QUARTER_MS, { import_kwh: '9' })) as {
      receipt: { verdict: string; rules: string };
    };
    expect(receipt).toMatchObject({ verdict: 'flagged' });
    expect(receipt.rules).not.toBe(
      (await gateway.services.store.entries.receipt(statedBy))?.ruleSet,
    );
    const before = gateway.services.detection.counts.findings;
    await gateway.services.detection.inspect([{ entryId: last, replacesAnother: false }]);
    expect(gateway.services.detection.counts.findings).toBe(before + 1);
    expect((await findings(last)).findings).toHaveLength(1);
  });

  it('are compared with what the store has, after a pause in which another process may have looked', async () => {
    const first = await send(house, MIDNIGHT_MS + 98 * QUARTER_MS, { import_kwh: '0.5' });
    const leaf = first.leaf_hash as string;
    await gateway.settle();
    await (gateway.clock as FakeClock).advance(61_000);
    const replaced = { import_kwh: '0.45', supersedes: leaf };
    await send(house, MIDNIGHT_MS + 98 * QUARTER_MS, replaced);
    const odd = await send(house, MIDNIGHT_MS + 99 * QUARTER_MS, { import_kwh: '12' });
    await gateway.settle();
    const { findings: found } = await findings(odd.id);
    expect(found.map(({ detector }: { detector: string }) => detector)).toContain('two-sigma');
    const { inputs } = found.find((one: any) => one.detector === 'two-sigma').document;
    // 97 of the test before, and one that replaced another.
    expect(inputs.count).toBe(98);
    const levels = [...Array(96).keys()].map((i) => (((i + 1) * 7) % 10) * 400_000 + 200_000);
    const sum = [...levels, 36_000_000, 1_800_000].reduce((a, b) => a + b, 0);
    expect(inputs.sum).toBe(sum);
  });

  it('go on without a detector that fails, or that says what cannot be written down', async () => {
    const failing = await openDetector(
      'failing',
      brokenDetector(() => {
        throw new Error('no');
      }),
      {},
    );
    const hollow = await openDetector(
      'hollow',
      brokenDetector(() => ({ code: 'x', action: 'flag', detail: 'd', inputs: { a: Number.NaN } })),
      {},
    );
    const told: string[] = [];
    const other = await startTestGateway({
      config: { devices: { unsigned: 'accept' } },
      parts: {
        replace: { detectors: [failing, hollow] },
        logger: { debug() {}, info() {}, warn() {}, error: (message) => void told.push(message) },
      },
    });
    try {
      await other.services.store.meters.register(house.stored('active'), unjournaled);
      const endsMs = Math.floor(other.clock.nowMs() / QUARTER_MS) * QUARTER_MS;
      const sent = await ask(`${other.url}/api/v1/readings`, {
        body: house.signed(house.reading(endsMs)),
      });
      expect(sent.json.verdict).toBe('accepted');
      await other.settle();
      expect(other.services.detection.counts).toEqual({ readings: 1, findings: 0 });
      expect(told).toEqual(Array(2).fill('a detector failed; readings go on without it'));
    } finally {
      await other.stop();
    }
  });

  it('tell nobody else what was found', async () => {
    const { json } = await ask(`${api}/admin/api-keys`, {
      key: gateway.adminKey,
      body: { account_id: 'eve', role: 'owner', scopes: ['read'] },
    });
    const { items } = await gateway.services.store.entries.list({ limit: 1, meterId: 'house-1' });
    const answer = await ask(`${api}/logs/${items[0]!.id}/findings`, { key: json.key });
    expect([answer.status, answer.json.code]).toEqual([404, 'log_not_found']);
  });
});

function brokenDetector(inspect: () => DetectorFinding) {
  return defineDetector({
    name: 'broken',
    config: z.strictObject({}),
    capabilities: { version: 1, canQuarantine: true },
    create: () => ({ inspect, recompute: () => undefined }),
  });
}
