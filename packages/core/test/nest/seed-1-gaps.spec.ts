import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../src/testing/fake-clock.js';
import {
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from '../../src/testing/start-test-gateway.js';
import type { StoredMeter } from '../../src/devices/meter.store.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { registerMessage, verifyProof } from '../../src/verify/index.js';
import { TestKey } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';
import { Seed1Model } from './seed-1-model.js';
import { SeedMeter, type SeedBody } from './seed-meter.js';

const QUARTER_MS = 900_000;
const ADA = 'GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB';
const BOB = 'AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9';

/** A gateway of ours and the seed's as specified, at the same instant: each scenario is played on both. */
async function both(options: TestGatewayOptions = {}) {
  const clock = new FakeClock(Date.parse('2026-06-21T12:00:00Z'));
  const gateway = await startTestGateway({ clock, ...options });
  const nowMs = () => clock.nowMs();
  const keys = new Map<string, string>();
  const keyOf = async (account: string): Promise<string> => {
    const known = keys.get(account);
    if (known !== undefined) return known;
    const { json } = await ask(`${gateway.url}/api/v1/admin/api-keys`, {
      body: { account_id: account, role: 'owner' },
      key: gateway.adminKey,
    });
    keys.set(account, json.key);
    return json.key;
  };
  return {
    gateway,
    nowMs,
    keyOf,
    seed: new Seed1Model(nowMs),
    async submit(account: string | undefined, body: SeedBody) {
      const as = account === undefined ? {} : { key: await keyOf(account) };
      return ask(`${gateway.url}/api/meters/submit`, { body, ...as });
    },
    /** kWh that can be minted, over all accounts. */
    async mintableKWh(): Promise<number> {
      await gateway.settle();
      const { json } = await ask(`${gateway.url}/api/admin/meters/unminted?limit=1000`, {
        key: gateway.adminKey,
      });
      return json.reduce(
        (sum: number, one: { unclaimed_kwh: string }) => sum + Number(one.unclaimed_kwh),
        0,
      );
    },
    async meter(id: string, accountId: string, owner: string, more: Partial<StoredMeter> = {}) {
      const meter = new SeedMeter(id, owner);
      const stored = meter.stored('active', { accountId, owner, ...more });
      await gateway.services.store.meters.register(stored, unjournaled);
      return meter;
    },
  };
}

const said = (answer: Awaited<ReturnType<typeof ask>>) =>
  `${answer.status} ${answer.json.code ?? answer.json.reason ?? answer.json.verdict}`;

/** The proof of an entry, checked offline with nothing but the log's key. */
async function provenAtLevel(gateway: TestGateway, id: string): Promise<string | undefined> {
  const headers = { key: gateway.adminKey };
  await ask(`${gateway.url}/api/v1/batches/flush`, { method: 'POST', ...headers });
  await gateway.settle();
  const { text } = await ask(`${gateway.url}/api/v1/logs/${id}/proof?format=bundle`, headers);
  const report = await verifyProof(text, { keys: [gateway.services.logKeys.checkpoint.vkey] });
  return report.ok ? report.level : undefined;
}

describe('Gap 1 of seed 1, "meter_signature is accepted but not validated"', () => {
  it('whatever is written there counts; here only a signature of the meter over this very reading does', async () => {
    const { gateway, seed, submit, meter, mintableKWh, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA);
    const stranger = new SeedMeter('solar-1', ADA, new TestKey('a stranger'));
    const good = solar.body(nowMs());
    const earlier = solar.body(nowMs() - QUARTER_MS);
    const forged: readonly [SeedBody, string][] = [
      [{ ...good, meter_signature: 'x' }, '400 meter_signature_invalid'],
      [stranger.body(nowMs()), '401 signature_invalid'],
      [{ ...good, kwh_amount: '50.000000' }, '401 signature_invalid'],
      [{ ...good, wallet_address: BOB }, '401 signature_invalid'],
      [{ ...good, meter_signature: earlier.meter_signature }, '401 signature_invalid'],
    ];
    for (const [body, refused] of forged) expect(said(await submit('ada', body))).toBe(refused);
    expect(await mintableKWh()).toBe(0);
    expect(seed.submit('ada', forged[0]![0]).status).toBe(200);
    expect(seed.mintableKWh()).toBe(5);
    expect(said(await submit('ada', good))).toBe('200 accepted');
    expect(await mintableKWh()).toBe(5);
    await gateway.stop();
  });
});

describe('Gap 2 of seed 1, "no meter registration flow"', () => {
  it('meters exist nowhere; here one is registered with its key, reviewed, and only then counts', async () => {
    const { gateway, seed, submit, keyOf, mintableKWh, nowMs } = await both();
    const solar = new SeedMeter('solar-1', ADA);
    seed.submit('ada', { ...solar.body(nowMs()), meter_id: 'a meter that never was' });
    expect(seed.mintableKWh()).toBe(5);
    expect(said(await submit('ada', solar.body(nowMs())))).toBe('401 meter_unknown');
    const { url, adminKey } = gateway;
    const register = async (key: TestKey) => {
      const { json } = await ask(`${url}/api/v1/meters/challenge`, { method: 'POST', body: {} });
      const message = registerMessage(json.origin, 'solar-1', key.keyId, json.nonce);
      return ask(`${url}/api/meters/register`, {
        key: await keyOf('ada'),
        body: {
          meter_id: 'solar-1',
          public_key: solar.key.spki.toString('base64'),
          alg: 'Ed25519',
          owner: ADA,
          proof_of_possession: {
            nonce: json.nonce,
            signature: key.sign(message).toString('base64'),
          },
        },
      });
    };
    expect((await register(new TestKey('somebody else'))).status).toBe(401);
    const registered = await register(solar.key);
    expect([registered.status, registered.json.state, registered.json.account_id]).toEqual([
      201,
      'pending',
      'ada',
    ]);
    expect(said(await submit('ada', solar.body(nowMs() - QUARTER_MS)))).toBe('202 meter_pending');
    expect(await mintableKWh()).toBe(0);
    await ask(`${url}/api/v1/admin/meters/solar-1/approve`, { method: 'POST', key: adminKey });
    expect(said(await submit('ada', solar.body(nowMs())))).toBe('200 accepted');
    expect(await mintableKWh()).toBe(5);
    await gateway.stop();
  });
});

describe('Gap 3 of seed 1, "manual submission only, no device authentication"', () => {
  it('nobody but a person who is logged in can send; here a meter sends for itself, on its own or many at once', async () => {
    const { gateway, seed, meter, submit, mintableKWh, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA);
    expect(seed.submit(undefined, solar.body(nowMs())).status).toBe(401);
    expect(said(await submit(undefined, solar.body(nowMs())))).toBe('200 accepted');
    const documents = [1, 2, 3].map((at) =>
      solar.reading(nowMs() - at * QUARTER_MS, { import_kwh: undefined, generation_kwh: '1' }),
    );
    const batch = await ask(`${gateway.url}/api/v1/readings`, { body: solar.batch(documents) });
    expect(batch.json.map(({ verdict }: { verdict: string }) => verdict)).toEqual(
      documents.map(() => 'accepted'),
    );
    // What any transport brings takes the same way: what is not signed is not believed.
    const [unsigned] = documents;
    const answer = await gateway.services.ingestion.accept({
      contentType: 'application/json',
      bytes: Buffer.from(JSON.stringify({ format: 'reading/1', document: unsigned })),
      assurance: 'unsigned',
    });
    expect(answer).toMatchObject({ items: [{ reason: 'device_signature_required' }] });
    expect(await mintableKWh()).toBe(8);
    await gateway.stop();
  });
});

describe('Gap 4 of seed 1, "certificates exist in the database only"', () => {
  it('a certificate is a row nobody can check; here it is an entry of the log whose proof an anchor stands behind', async () => {
    const { gateway, seed, meter, submit, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA);
    const { id } = seed.submit('ada', solar.body(nowMs()));
    expect(seed.certify(id!).proof).toBeUndefined();
    await submit('ada', solar.body(nowMs()));
    await gateway.settle();
    const line = {
      meterId: 'solar-1',
      register: 'generation',
      startsMs: nowMs() - QUARTER_MS,
      energyUWh: 5_000_000_000n,
    };
    const { entryId } = await gateway.services.energyLedger.claim({
      purpose: 'certificate',
      key: 'certificate 1',
      lines: [line],
    });
    expect(await provenAtLevel(gateway, entryId)).toBe('operator');
    const anchors = await ask(`${gateway.url}/api/v1/batches`, { key: gateway.adminKey });
    expect(anchors.json[0].anchor_status).toBe('final');
    await gateway.stop();
  });
});

describe('Gap 5 of seed 1, "duplicates are checked per user only"', () => {
  it('two users mint the same hour of one meter; here the owner does, and neither another account nor another wallet', async () => {
    const { gateway, seed, meter, submit, mintableKWh, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA);
    for (const [user, wallet] of [
      ['ada', ADA],
      ['bob', BOB],
    ] as const)
      expect(seed.submit(user, solar.body(nowMs(), '5.000000', wallet)).status).toBe(200);
    expect(seed.mintableKWh()).toBe(10);
    expect(said(await submit('ada', solar.body(nowMs())))).toBe('200 accepted');
    expect(said(await submit('bob', solar.body(nowMs())))).toBe('200 duplicate');
    // Even with a signature of the meter: it is not bob's.
    const bobs = solar.body(nowMs() - 60_000, '5.000000', BOB);
    expect(said(await submit('bob', bobs))).toBe('403 meter_not_owned');
    const near = solar.body(nowMs() - QUARTER_MS + 1);
    expect(said(await submit('bob', near))).toBe('422 interval_overlap');
    expect(await mintableKWh()).toBe(5);
    await gateway.stop();
  });
});

describe('Gap 6 of seed 1, "claims are not checked against anything physical"', () => {
  it('any amount up to 100 kWh counts; here what the meter cannot have delivered waits for somebody to look', async () => {
    const { gateway, seed, meter, submit, mintableKWh, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA, {
      ratingW: 4_000,
      location: { latitude: 47.7, longitude: 9.2 },
    });
    const inflated = solar.body(nowMs(), '50.000000');
    expect(seed.submit('ada', inflated).status).toBe(200);
    expect(seed.mintableKWh()).toBe(50);
    expect(said(await submit('ada', inflated))).toBe('202 energy_above_rating');
    const midnight = Math.floor(nowMs() / 86_400_000) * 86_400_000;
    const atNight = solar.body(midnight, '0.900000');
    expect(seed.submit('ada', atNight).status).toBe(200);
    expect(said(await submit('ada', atNight))).toBe('202 night_generation');
    expect(await mintableKWh()).toBe(0);
    await gateway.stop();
  });
});

describe('Gap 7 of seed 1, "no pattern analysis"', () => {
  it('a jump to five times the usual goes unseen; here it is flagged, with what it follows from, and still counts', async () => {
    const { gateway, seed, meter, submit, mintableKWh, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA);
    const history = Array.from({ length: 100 }, (_, at) => at + 1).toReversed();
    for (const at of history) {
      const body = solar.body(nowMs() - at * QUARTER_MS, `0.${String(at % 7)}50000`);
      seed.submit('ada', body);
      expect(said(await submit('ada', body))).toBe('200 accepted');
    }
    await gateway.settle();
    const jump = solar.body(nowMs(), '5.000000');
    expect(seed.submit('ada', jump).status).toBe(200);
    expect(seed.readings.at(-1)).not.toHaveProperty('verdict');
    const { id } = (await submit('ada', jump)).json;
    await gateway.settle();
    const { json } = await ask(`${gateway.url}/api/v1/logs/${id}/findings`, {
      key: gateway.adminKey,
    });
    expect(json).toMatchObject({ verdict: 'flagged' });
    expect(json.findings.map(({ code }: { code: string }) => code)).toContain('two_sigma');
    expect(await mintableKWh()).toBeCloseTo(
      5 + history.reduce((sum, at) => sum + (at % 7) / 10 + 0.05, 0),
      6,
    );
    await gateway.stop();
  });
});

describe('Critical risk 1 of seed 1, "users can submit arbitrary readings"', () => {
  it('a user without any meter mints what they like; here nothing, whatever they send', async () => {
    const { gateway, seed, submit, mintableKWh, nowMs } = await both();
    const imagined = new SeedMeter('imagined', BOB);
    for (let at = 0; at < 20; at += 1) {
      const signed = imagined.body(nowMs() - at * (QUARTER_MS + 1), '99.000000');
      const { meter_signature: _none, ...unsigned } = signed;
      expect(seed.submit('bob', unsigned).status).toBe(200);
      expect(said(await submit('bob', unsigned))).toBe('401 device_signature_required');
      expect(said(await submit('bob', signed))).toBe('401 meter_unknown');
    }
    expect(seed.mintableKWh()).toBe(1980);
    expect(await mintableKWh()).toBe(0);
    await gateway.stop();
  });

  it('where unsigned readings are taken they are marked, kept and proven, and never minted', async () => {
    const { gateway, submit, mintableKWh, nowMs } = await both({
      config: { devices: { unsigned: 'accept' } },
    });
    const { meter_signature: _none, ...unsigned } = new SeedMeter('imagined', BOB).body(nowMs());
    const answer = await submit('bob', unsigned);
    expect(said(answer)).toBe('200 accepted');
    const entry = await ask(`${gateway.url}/api/v1/logs/${answer.json.id}`, {
      key: gateway.adminKey,
    });
    expect(entry.json.assurance).toBe('unsigned');
    expect(await mintableKWh()).toBe(0);
    await gateway.stop();
  });
});

describe('Critical risk 2 of seed 1, "no meter-to-user binding"', () => {
  it('one user speaks for the meter of another and reads what it sent; here neither', async () => {
    const { gateway, seed, meter, submit, keyOf, mintableKWh, nowMs } = await both({
      config: { devices: { unsigned: 'accept' } },
    });
    const solar = await meter('solar-1', 'ada', ADA);
    await submit('ada', solar.body(nowMs()));
    seed.submit('ada', solar.body(nowMs()));
    const { meter_signature: _none, ...bobs } = solar.body(nowMs() - QUARTER_MS, '5.000000', BOB);
    expect(seed.submit('bob', bobs).status).toBe(200);
    expect(seed.readingsOf(ADA)).toHaveLength(1);
    expect(said(await submit('bob', bobs))).toBe('403 meter_not_owned');
    expect(said(await submit(undefined, bobs))).toBe('401 device_signature_required');
    const key = await keyOf('bob');
    for (const path of [
      'meters/readings?owner=ada',
      'meters/readings?meter_id=solar-1',
      'logs?meter_id=solar-1',
    ])
      expect((await ask(`${gateway.url}/api/v1/${path}`, { key })).json).toEqual([]);
    for (const path of ['meters/solar-1', 'meters/solar-1/energy', 'meters/solar-1/health'])
      expect((await ask(`${gateway.url}/api/v1/${path}`, { key })).status).toBe(404);
    expect(await mintableKWh()).toBe(5);
    await gateway.stop();
  });
});

describe('Critical risk 3 of seed 1, "certificates are not validated for trading"', () => {
  it('one reading is certified as often as asked; here its energy and its origin are each claimed once, in the log', async () => {
    const { gateway, seed, meter, submit, nowMs } = await both();
    const solar = await meter('solar-1', 'ada', ADA);
    const { id } = seed.submit('ada', solar.body(nowMs()));
    for (let again = 0; again < 3; again += 1) expect(seed.certify(id!).status).toBe(200);
    expect(seed.certificates.reduce((sum, { kwh }) => sum + kwh, 0)).toBe(15);
    await submit('ada', solar.body(nowMs()));
    await gateway.settle();
    const { energyLedger } = gateway.services;
    const line = {
      meterId: 'solar-1',
      register: 'generation',
      startsMs: nowMs() - QUARTER_MS,
      energyUWh: 5_000_000_000n,
    };
    const claim = (
      purpose: 'certificate' | 'token' | 'sale' | 'token-with-origin',
      accountId = 'ada',
    ) =>
      energyLedger
        .claim({ purpose, key: `${purpose} 1 of ${accountId}`, accountId, lines: [line] })
        .then(
          ({ existing }) => (existing ? 'existing' : 'claimed'),
          (error: { lines: { code: string }[] }) => error.lines[0]?.code,
        );
    expect(await claim('certificate', 'bob')).toBe('not_credited');
    expect(await claim('certificate')).toBe('claimed');
    expect(await claim('certificate')).toBe('existing');
    expect(await claim('token-with-origin')).toBe('insufficient');
    expect(await claim('sale')).toBe('claimed');
    expect(await claim('token')).toBe('insufficient');
    const { json } = await ask(`${gateway.url}/api/v1/meters/solar-1/energy`, {
      key: gateway.adminKey,
    });
    expect(
      json.intervals.map((one: { claims: { purpose: string }[] }) =>
        one.claims.map(({ purpose }) => purpose),
      ),
    ).toEqual([['certificate'], ['sale']]);
    await gateway.stop();
  });
});

describe('Critical risk 4 of seed 1, "cross-user duplicate prevention is missing"', () => {
  it('twenty users at once each mint one quarter of an hour; here one of them does, and the others wait for a decision', async () => {
    const { gateway, seed, submit, nowMs } = await both({
      config: { devices: { unsigned: 'accept' } },
    });
    const { meter_signature: _none, ...body } = new SeedMeter('unregistered', ADA).body(
      nowMs() - QUARTER_MS,
    );
    const users = Array.from({ length: 20 }, (_, at) => `user-${at}`);
    const theirs = (user: string, aheadMs = 0): SeedBody => ({
      ...body,
      wallet_address: `wallet of ${user}`,
      reading_timestamp: new Date(nowMs() - QUARTER_MS + aheadMs).toISOString(),
    });
    for (const user of users) expect(seed.submit(user, theirs(user)).status).toBe(200);
    expect(seed.mintableKWh()).toBe(100);
    const answers = await Promise.all(
      users.map(async (user) => said(await submit(user, theirs(user)))),
    );
    expect(answers.toSorted()).toEqual([
      '200 accepted',
      ...users.slice(1).map(() => '202 cross_owner_duplicate'),
    ]);
    // To the millisecond: 15:00.000 apart is another quarter of an hour, 14:59.999 is not.
    expect(said(await submit('late', theirs('late', QUARTER_MS - 1)))).toBe(
      '202 cross_owner_duplicate',
    );
    expect(said(await submit('next', theirs('next', QUARTER_MS)))).toBe('200 accepted');
    await gateway.stop();
  });
});
