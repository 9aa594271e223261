import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { readReceipt, verifyReceipt } from '../../src/verify/receipt.js';
import { readingMessage } from '../../src/verify/device-signing.js';
import { verifyEd25519 } from '../../src/verify/ed25519.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

const QUARTER_MS = 900_000;

describe.each(HOSTS)('The quarantine on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  const keys: Record<string, string> = {};
  const solar = new TestDevice('solar-1');
  const other = new TestDevice('solar-2');

  const issue = async (account: string, role: string, scopes: readonly string[] = []) =>
    (
      await ask(`${api}/admin/api-keys`, {
        body: { account_id: account, role, scopes },
        key: gateway.adminKey,
      })
    ).json.key as string;
  const decide = (id: string, what: 'release' | 'reject', key = keys['operator']!, reason = 'ok') =>
    ask(`${api}/admin/quarantine/${id}/${what}`, { body: { reason }, key });
  let quarters = 0;
  /** A reading of more than the meter can deliver, of a quarter hour of its own. */
  const hold = async (more: object = {}, device = solar) => {
    quarters += 1;
    const endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS - quarters) * QUARTER_MS;
    const amounts = { import_kwh: undefined, generation_kwh: '50' };
    const body = device.signed(device.reading(endsMs, { ...amounts, ...more }));
    const { status, json } = await ask(`${api}/readings`, { body });
    expect([status, json.verdict]).toEqual([202, 'quarantined']);
    return { id: json.id as string, endsMs };
  };
  const credited = async (endsMs: number) => {
    await gateway.settle();
    const { json } = await ask(`${api}/meters/solar-1/energy?limit=1000`, {
      key: gateway.adminKey,
    });
    const start = new Date(endsMs - QUARTER_MS).toISOString();
    return json.intervals
      .filter(
        (one: { start: string; class: string }) => one.start === start && one.class === 'energy',
      )
      .map((one: { credited_kwh: string }) => one.credited_kwh);
  };

  beforeAll(async () => {
    gateway = await startTestGateway({ host });
    api = `${gateway.url}/api/v1`;
    const { meters } = gateway.services.store;
    for (const [device, accountId] of [
      [solar, 'ada'],
      [other, 'bob'],
    ] as const)
      await meters.register(device.stored('active', { accountId, ratingW: 8_000 }), unjournaled);
    keys['operator'] = await issue('operators', 'operator');
    keys['ada'] = await issue('ada', 'owner');
    keys['bob'] = await issue('bob', 'owner');
    keys['auditor'] = await issue('auditors', 'auditor');
    keys['narrow'] = await issue('operators', 'operator', ['quarantine']);
    keys['meters'] = await issue('operators', 'operator', ['meters', 'read']);
  });
  afterAll(() => gateway.stop());

  it('credits a released reading, with a receipt that verifies and an entry that names the operator', async () => {
    const { id, endsMs } = await hold();
    expect(await credited(endsMs)).toEqual([]);
    const answer = await decide(id, 'release', keys['narrow'], 'a second inverter was added');
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      id,
      account_id: 'ada',
      meter_id: 'solar-1',
      reason: 'energy_above_rating',
      state: 'released',
      decision: { reason: 'a second inverter was added' },
    });
    const receipt = readReceipt(answer.json.receipt);
    expect(verifyReceipt(receipt)).toBeUndefined();
    expect(receipt).toMatchObject({ entryId: id, verdict: 'accepted' });
    expect(await credited(endsMs)).toEqual(['50']);
    const entry = (await ask(`${api}/logs/${id}`, { key: keys['ada'] })).json;
    expect(entry).toMatchObject({ verdict: 'accepted', reason: 'released' });
    const told = await gateway.services.store.outbox.read('test', ['reading.released'], 10);
    expect(told.map(({ data }) => data)).toEqual([
      {
        entry: id,
        account: 'ada',
        meter: 'solar-1',
        held_for: 'energy_above_rating',
        reason: 'a second inverter was added',
      },
    ]);
    const audits = (await ask(`${api}/logs?type=audit&limit=1000`, { key: keys['ada'] })).json;
    expect(audits.map(({ document }: { document: object }) => document)).toContainEqual(
      expect.objectContaining({
        action: 'quarantine.release',
        subject: id,
        actor: answer.json.decision.by,
        detail: {
          meter: 'solar-1',
          held_for: 'energy_above_rating',
          reason: 'a second inverter was added',
        },
      }),
    );
  });

  it('answers the same decision again as the first time, and the other one with a conflict', async () => {
    const { id, endsMs } = await hold();
    const first = await decide(id, 'reject', keys['operator'], 'the inverter cannot');
    const again = await decide(id, 'reject', gateway.adminKey, 'another reason');
    expect([again.status, again.json]).toEqual([200, first.json]);
    const otherwise = await decide(id, 'release');
    expect([otherwise.status, otherwise.json.code]).toEqual([409, 'quarantine_decided']);
    expect(await credited(endsMs)).toEqual([]);
  });

  it('releases nothing into an interval that another reading holds, and names that', async () => {
    const { id, endsMs } = await hold();
    const body = solar.signed(
      solar.reading(endsMs, { import_kwh: undefined, generation_kwh: '1' }),
    );
    const holder = (await ask(`${api}/readings`, { body })).json;
    expect(holder.verdict).toBe('accepted');
    const answer = await decide(id, 'release');
    expect([answer.status, answer.json.code]).toEqual([409, 'interval_taken']);
    expect(answer.json.detail).toContain(holder.id);
    expect(await credited(endsMs)).toEqual(['1']);
  });

  it('is listed to operators by state, reason, meter and account, page by page; to owners their own', async () => {
    const mine = await hold();
    const theirs = await hold({}, other);
    const list = async (query: string, key = keys['operator']!) =>
      (await ask(`${api}/admin/quarantine?limit=1000&${query}`, { key })).json.map(
        ({ id }: { id: string }) => id,
      );
    expect(await list('state=open')).toEqual(expect.arrayContaining([mine.id, theirs.id]));
    expect(await list('state=rejected')).not.toContain(mine.id);
    expect(await list('meter_id=solar-2')).toEqual([theirs.id]);
    expect(await list('account_id=bob&reason=energy_above_rating')).toEqual([theirs.id]);
    expect(await list('reason=meter_pending')).toEqual([]);
    const page = await ask(`${api}/admin/quarantine?limit=1&state=open`, { key: keys['narrow']! });
    expect(page.json).toHaveLength(1);
    expect(page.headers.get('link')).toContain('rel="next"');

    const own = await ask(`${api}/quarantine`, { key: keys['bob']! });
    expect(own.json).toMatchObject([{ id: theirs.id, reason: 'energy_above_rating' }]);
    const all = await ask(`${api}/quarantine?limit=1000`, { key: keys['auditor']! });
    expect(all.json.length).toBeGreaterThan(1);
    const hidden = await ask(`${api}/quarantine/${mine.id}`, { key: keys['bob']! });
    expect([hidden.status, hidden.json.code]).toEqual([404, 'quarantine_not_found']);
  });

  it('shows an equivocation with both signed readings, which convince without this gateway', async () => {
    const endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS - 300) * QUARTER_MS;
    const said = async (kwh: string) =>
      (
        await ask(`${api}/readings`, {
          body: other.signed(other.reading(endsMs, { import_kwh: kwh, seq: 7 })),
        })
      ).json;
    const [first, second] = [await said('1'), await said('2')];
    expect(second).toMatchObject({ reason: 'sequence_equivocation' });
    const { items } = await gateway.services.store.quarantine.list({
      reason: 'sequence_equivocation',
      limit: 1,
    });
    const { json } = await ask(`${api}/quarantine/${items[0]!.entryId}`, { key: keys['bob']! });
    expect(json.others).toEqual([first.id]);
    expect(json.evidence).toHaveLength(2);
    for (const { format, bytes, signature } of json.evidence) {
      const message = readingMessage(format, signature.key_id, Buffer.from(bytes, 'base64'));
      const [spki, value] = [signature.public_key, signature.value].map((text: string) =>
        Buffer.from(text, 'base64'),
      );
      expect(verifyEd25519(value!, message, spki!.subarray(12))).toBe(true);
      expect(JSON.parse(Buffer.from(bytes, 'base64').toString())).toMatchObject({ seq: 7 });
    }
  });

  it('freezes the meter that signed twice until an operator lets it go on, and takes its readings meanwhile', async () => {
    const meter = async () =>
      (await ask(`${api}/meters/solar-2`, { key: keys['bob']! })).json.minting_suspended;
    expect(await meter()).toMatchObject({ reason: 'sequence_equivocation' });
    const endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS - 310) * QUARTER_MS;
    const amounts = { import_kwh: undefined, generation_kwh: '1', seq: 8 };
    const body = other.signed(other.reading(endsMs, amounts));
    expect((await ask(`${api}/readings`, { body })).json.verdict).toBe('accepted');
    await gateway.settle();
    const frozen = async () =>
      (await ask(`${api}/meters/solar-2/energy`, { key: keys['bob']! })).json.intervals.map(
        (one: { frozen: boolean }) => one.frozen,
      );
    expect(await frozen()).toEqual([true, true]);
    const resume = (key: string, reason?: string) =>
      ask(`${api}/admin/meters/solar-2/resume-minting`, { body: { reason }, key });
    expect((await resume(keys['bob']!, 'it is fine')).status).toBe(403);
    expect((await resume(keys['operator']!)).json.code).toBe('body_invalid');
    const resumed = await resume(keys['operator']!, 'the device was replaced');
    expect([resumed.status, resumed.json.minting_suspended]).toEqual([200, null]);
    expect((await resume(keys['operator']!, 'again')).status).toBe(200);
    expect(await frozen()).toEqual([false, false]);
    const gone = `${api}/admin/meters/nothing/resume-minting`;
    const unknown = await ask(gone, { body: { reason: 'x' }, key: keys['operator']! });
    expect([unknown.status, unknown.json.code]).toEqual([404, 'meter_not_found']);
    const audits = (await ask(`${api}/logs?type=audit&limit=1000`, { key: keys['bob']! })).json;
    expect(
      audits.flatMap(({ document }: { document: { action: string } }) =>
        document.action.includes('minting') ? document.action : [],
      ),
    ).toEqual(['meter.minting_suspended', 'meter.minting_resumed']);
  });

  it.each([
    ['unknown', { reason: 'x' }, 404, 'quarantine_not_found'],
    [`log_${'0'.repeat(32)}`, { reason: 'x' }, 404, 'quarantine_not_found'],
    ['%00', { reason: 'x' }, 400, 'url_invalid'],
    ['log_x', {}, 400, 'body_invalid'],
    ['log_x', { reason: '' }, 400, 'body_invalid'],
    ['log_x', { reason: 'x'.repeat(1025) }, 400, 'body_invalid'],
    ['log_x', { reason: 'a\u0000b' }, 400, 'body_invalid'],
    ['log_x', { reason: 7 }, 400, 'body_invalid'],
    ['log_x', { reason: 'x', by: 'somebody' }, 400, 'body_invalid'],
    ['log_x', '{"reason":"a","reason":"b"}', 400, 'json_duplicate_key'],
    ['log_x', '[]', 400, 'body_invalid'],
  ])('refuses a decision about %s with %j', async (id, body, status, code) => {
    for (const what of ['release', 'reject']) {
      const url = `${api}/admin/quarantine/${id}/${what}`;
      const answer = await ask(url, { body, key: keys['operator']! });
      expect([answer.status, answer.json.code]).toEqual([status, code]);
    }
  });

  it.each([
    ['?state=gone', 'query_invalid'],
    ['?limit=0', 'query_invalid'],
    ['?cursor=x', 'cursor_invalid'],
    ['?state=open&state=rejected', 'query_invalid'],
  ])('lists nothing for %s', async (query, code) => {
    const answer = await ask(`${api}/admin/quarantine${query}`, { key: keys['operator']! });
    expect([answer.status, answer.json.code]).toEqual([400, code]);
  });

  it('is decided about by operators with the scope alone', async () => {
    const { id } = await hold();
    for (const [key, code] of [
      ['ada', 'role_insufficient'],
      ['auditor', 'role_insufficient'],
      ['meters', 'scope_missing'],
    ] as const) {
      const answer = await decide(id, 'release', keys[key]);
      expect([answer.status, answer.json.code]).toEqual([403, code]);
    }
    expect((await decide(id, 'reject')).status).toBe(200);
  });
});
