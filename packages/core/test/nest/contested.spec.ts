import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const APART_MS = 900_000;
const OWNERS = 20;
/** Meters fought for: each by all owners, on both sides of the boundary. */
const METERS = process.env['WATTPROOF_NIGHTLY'] === '1' ? 40 : 1;

let server: TestPostgres | undefined;
let folder = '';
const STORES: Readonly<Record<string, () => Promise<string>>> = {
  memory: async () => 'memory://',
  PGlite: async () => {
    folder = await mkdtemp(join(tmpdir(), 'wattproof-contested-'));
    return `embedded://${folder}`;
  },
  PostgreSQL: async () => {
    server = await startPostgres();
    return server.createDatabase();
  },
};
afterAll(async () => {
  await server?.remove();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

describe.each(Object.keys(STORES))('A meter nobody registered, on %s', (name) => {
  let gateway: TestGateway;
  let api: string;
  const keys: string[] = [];

  beforeAll(async () => {
    gateway = await startTestGateway({
      config: { store: { url: await STORES[name]!() }, devices: { unsigned: 'accept' } },
    });
    api = `${gateway.url}/api/v1`;
    for (let i = 0; i < OWNERS; i += 1) {
      const body = { account_id: `owner-${i}`, role: 'owner' };
      const { json } = await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey });
      keys.push(json.key);
    }
  });
  afterAll(() => gateway.stop());

  /** What an owner says a meter generated in the 15 minutes before. */
  const say = async (owner: number, meter: TestDevice, atMs: number, kwh = `1.${owner}`) => {
    const at = new Date(atMs).toISOString();
    const amounts = { import_kwh: undefined, generation_kwh: kwh };
    const document = meter.reading(atMs, { start: at, end: at, ...amounts });
    const body = { format: 'reading/1', document };
    const { status, json } = await ask(`${api}/readings`, { body, key: keys[owner]! });
    return { owner, atMs, status, id: json.id as string, verdict: json.reason ?? json.verdict };
  };
  const apart = (a: { owner: number; atMs: number }, b: { owner: number; atMs: number }) =>
    a.owner === b.owner || Math.abs(a.atMs - b.atMs) >= APART_MS;

  it('is read by twenty owners around the boundary at once: no two within 15 minutes, and none held without a reason', async () => {
    const nowMs = gateway.clock.nowMs();
    for (let meter = 0; meter < METERS; meter += 1) {
      const device = new TestDevice(`contested-${meter}`);
      const said = await Promise.all(
        keys.flatMap((_, owner) =>
          [0, 1].map((side) =>
            say(owner, device, nowMs - 2 * APART_MS + side * APART_MS - ((owner + meter) % 3)),
          ),
        ),
      );
      const won = said.filter(({ verdict }) => verdict === 'accepted');
      const held = said.filter(({ verdict }) => verdict === 'cross_owner_duplicate');
      expect(won.length + held.length).toBe(said.length);
      expect(won.length).toBeGreaterThan(0);
      expect(won.filter((one) => !won.every((other) => apart(one, other)))).toEqual([]);
      expect(held.filter((one) => won.every((other) => apart(one, other)))).toEqual([]);
      expect(new Set(held.map(({ status }) => status))).toEqual(new Set([202]));
    }
  });

  it.each([
    [APART_MS, 'accepted'],
    [-APART_MS, 'accepted'],
    [APART_MS - 1, 'cross_owner_duplicate'],
    [1 - APART_MS, 'cross_owner_duplicate'],
  ])('is read by another owner %i ms later: %s, and both are told', async (byMs, verdict) => {
    const device = new TestDevice(`read twice ${byMs}`);
    const atMs = gateway.clock.nowMs() - 4 * APART_MS;
    const first = await say(0, device, atMs);
    const later = await say(1, device, atMs + byMs);
    expect([first.verdict, later.verdict]).toEqual(['accepted', verdict]);
    const events = await gateway.services.store.outbox.read(
      `test ${byMs}`,
      ['reading.contested'],
      10_000,
    );
    const told = events.flatMap(({ data }) =>
      data['meter'] === device.meterId ? [[data['account'], data['entry'], data['held']]] : [],
    );
    const both = [
      ['owner-1', later.id, true],
      ['owner-0', first.id, false],
    ];
    expect(told).toEqual(verdict === 'accepted' ? [] : both);
    if (verdict === 'accepted') return;
    const own = await ask(`${api}/quarantine/${later.id}`, { key: keys[1]! });
    expect([own.json.others, own.json.evidence.length]).toEqual([[], 1]);
    expect(own.text).not.toContain(first.id);
    const all = await ask(`${api}/quarantine/${later.id}`, { key: gateway.adminKey });
    expect([all.json.others, all.json.evidence.length]).toEqual([[first.id], 2]);
    expect((await ask(`${api}/quarantine/${later.id}`, { key: keys[0]! })).status).toBe(404);
  });

  it('is held back by nobody once it has an owner, and takes no word of others', async () => {
    const device = new TestDevice('registered later');
    const atMs = gateway.clock.nowMs() - 2 * APART_MS;
    expect((await say(3, device, atMs)).verdict).toBe('accepted');
    const { meters } = gateway.services.store;
    await meters.register(device.stored('active', { accountId: 'owner-4' }), unjournaled);
    // The directory may be behind by as much as this.
    (gateway.clock as { advance?: (ms: number) => void }).advance?.(10_000);
    const amounts = { import_kwh: undefined, generation_kwh: '0.7' };
    const at = new Date(atMs + 1).toISOString();
    const signed = device.signed(device.reading(atMs, { start: at, end: at, ...amounts }));
    expect((await ask(`${api}/readings`, { body: signed })).json.verdict).toBe('accepted');
    expect(await say(4, device, atMs + APART_MS + 1)).toMatchObject({ verdict: 'accepted' });
    expect(await say(3, device, atMs + 4 * APART_MS)).toMatchObject({ status: 403 });
  });
});
