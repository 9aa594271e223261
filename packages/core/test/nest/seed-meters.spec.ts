import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { keyIdOf } from '../../src/verify/spki.js';
import { ask, type Answer, HOSTS } from './hosts.js';
import { SeedMeter, type SeedBody, vectorKey } from './seed-meter.js';

const WALLET = 'GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB';
const OTHER_WALLET = 'AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9';
const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

const vectors = JSON.parse(
  readFileSync(
    new URL('../../../../vectors/gridtokenx_meter_signature.json', import.meta.url),
    'utf8',
  ),
) as {
  private_seed_hex: string;
  cases: {
    meter_serial: string;
    timestamp: string;
    kwh_amount: string;
    wallet: string;
    signature_base58: string;
  }[];
};

describe.each(HOSTS)('Readings submitted as GridTokenX does, on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  let admin: (path: string, body?: object) => Promise<Answer>;
  let made = 0;

  beforeAll(async () => {
    gateway = await startTestGateway({ host, parts: { plugins: [] } });
    api = `${gateway.url}/api/v1`;
    admin = (path, body) =>
      ask(`${api}/admin/${path}`, {
        key: gateway.adminKey,
        ...(body === undefined ? {} : { body }),
      });
  });
  afterAll(() => gateway.stop());

  const nowMs = () => gateway.clock.nowMs();
  const submit = (body: object | string, key?: string, path = '/api/v1/meters/submit') =>
    ask(gateway.url + path, { body, ...(key === undefined ? {} : { key }) });
  const told = ({ status, json }: Answer) => [status, json.code ?? json.verdict, json.detail];

  /** An active meter of an account of its own, its owner known by a wallet. */
  async function meterOf(wallet = WALLET, accountId = `owner-${(made += 1)}`): Promise<SeedMeter> {
    const meter = new SeedMeter(`SERIAL-${(made += 1)}`, wallet);
    await gateway.services.store.meters.register(
      meter.stored('active', { accountId, owner: wallet }),
      unjournaled,
    );
    return meter;
  }
  async function keyOf(accountId: string, role = 'owner'): Promise<string> {
    return (await admin('api-keys', { account_id: accountId, role })).json.key;
  }
  const accountOf = async (meter: SeedMeter) =>
    (await gateway.services.store.meters.get(meter.meterId))!.accountId;

  it("are answered with the seed's own shape, whatever path they come by", async () => {
    const meter = await meterOf();
    for (const [at, path] of [
      '/api/v1/meters/submit',
      '/api/meters/submit',
      '/api/meters/submit-reading',
    ].entries()) {
      const body = meter.body(nowMs() - at * QUARTER_MS, '5.123456');
      const { status, json } = await submit(body, undefined, path);
      expect(status).toBe(200);
      expect(json).toMatchObject({
        id: expect.stringMatching(/^log_[0-9a-f]{32}$/),
        user_id: null,
        wallet_address: WALLET,
        kwh_amount: '5.123456',
        reading_timestamp: body.reading_timestamp,
        submitted_at: new Date(nowMs()).toISOString(),
        minted: false,
        mint_tx_signature: null,
        meter_id: meter.meterId,
        verdict: 'accepted',
        duplicate: false,
      });
      const again = await submit(body);
      expect([again.status, again.json.id, again.json.duplicate]).toEqual([200, json.id, true]);
    }
  });

  it("take the signatures of the published vectors, and the gateway's own form is the same entry", async () => {
    const { spki } = vectorKey(vectors.private_seed_hex);
    for (const one of vectors.cases.slice(1)) {
      const clock = new FakeClock(Date.parse(one.timestamp) + 1000);
      const own = await startTestGateway({ host, clock, parts: { plugins: [] } });
      const key = {
        keyId: keyIdOf(spki),
        alg: 'Ed25519',
        publicKey: spki,
        epoch: 0,
        validFromMs: 0,
      } as const;
      const meter = new SeedMeter(one.meter_serial, one.wallet).stored('active', { keys: [key] });
      await own.services.store.meters.register(meter, unjournaled);
      const body = {
        wallet_address: one.wallet,
        kwh_amount: Number(one.kwh_amount),
        reading_timestamp: one.timestamp,
        meter_id: one.meter_serial,
        meter_signature: one.signature_base58,
      };
      const answer = await ask(`${own.url}/api/v1/meters/submit`, { body });
      expect([answer.status, answer.json.verdict]).toEqual([200, 'accepted']);
      const changed = { ...body, kwh_amount: body.kwh_amount + 1 };
      const refused = await ask(`${own.url}/api/v1/meters/submit`, { body: changed });
      expect([refused.status, refused.json.code]).toEqual([401, 'signature_invalid']);
      await own.stop();
    }
  });

  it('read the amount by its digits and never through a double', async () => {
    const meter = await meterOf();
    const body = JSON.stringify(meter.body(nowMs(), '8.200000'));
    const { json } = await submit(body.replace('"8.200000"', '8.2'));
    expect(json.kwh_amount).toBe('8.2');
    const entry = await gateway.services.store.readingList.get(json.id);
    expect(entry?.energyUWh).toBe(8_200_000_000n);
  });

  it('may leave out the meter when the wallet owns exactly one that is active', async () => {
    const one = await meterOf('wallet of one meter');
    const { meter_id: _left, ...without } = one.body(nowMs());
    expect(told(await submit(without))).toEqual([200, 'accepted', undefined]);
    const two = await meterOf('wallet of two meters');
    await meterOf('wallet of two meters');
    const { meter_id: _out, ...ambiguous } = two.body(nowMs());
    expect(told(await submit(ambiguous)).slice(0, 2)).toEqual([400, 'meter_id_required']);
    expect(told(await submit(two.body(nowMs())))).toEqual([200, 'accepted', undefined]);
    // Who cannot sign for it learns nothing about a wallet.
    const strange = { ...without, meter_signature: two.body(nowMs()).meter_signature };
    const unknown = { ...strange, wallet_address: 'wallet of nobody' };
    expect((await submit(strange)).text).toBe((await submit(unknown)).text);
  });

  it('find the meter of a wallet by the user it belongs to, and name the user', async () => {
    const accountId = `owner-${(made += 1)}`;
    const meter = new SeedMeter(`SERIAL-${(made += 1)}`, OTHER_WALLET);
    await gateway.services.store.meters.register(
      meter.stored('active', { accountId }),
      unjournaled,
    );
    const user = await admin('users', {
      display_name: 'Ada',
      role: 'owner',
      accounts: [accountId],
      wallets: [{ chain: 'solana', address: OTHER_WALLET }],
    });
    const { meter_id: _left, ...without } = meter.body(nowMs());
    const { status, json } = await submit(without);
    expect([status, json.user_id, json.meter_id]).toEqual([200, user.json.id, meter.meterId]);
    const theirs = await submit(meter.body(nowMs() - QUARTER_MS, '1.000000', WALLET));
    expect(told(theirs)).toEqual([
      403,
      'meter_not_owned',
      'You do not own this meter or it is not verified',
    ]);
  });

  it('tell nobody whose wallet it is but those it belongs to', async () => {
    const wallet = `0x${'ab'.repeat(20)}`;
    const stranger = { display_name: 'Eve', role: 'owner', accounts: ['elsewhere'] };
    await admin('users', { ...stranger, wallets: [{ chain: 'evm', address: wallet }] });
    const meter = new SeedMeter(`SERIAL-${(made += 1)}`, wallet);
    // Nobody has said whose it is, so its energy may go to any wallet.
    await gateway.services.store.meters.register(meter.stored('active'), unjournaled);
    const { status, json } = await submit(meter.body(nowMs()));
    expect([status, json.wallet_address, json.user_id]).toEqual([200, wallet, null]);
  });

  it("refuse in the seed's own words what it refuses, too", async () => {
    const meter = await meterOf();
    await submit(meter.body(nowMs()));
    const refused = async (endsMs: number, kwh?: string) =>
      told(await submit(meter.body(endsMs, kwh)));
    expect(await refused(nowMs(), '0.000000')).toEqual([
      422,
      'energy_out_of_range',
      'kWh amount must be positive',
    ]);
    expect(await refused(nowMs(), '-1.000000')).toEqual([
      422,
      'energy_out_of_range',
      'kWh amount must be positive',
    ]);
    expect(await refused(nowMs(), '100.000001')).toEqual([
      422,
      'energy_out_of_range',
      'kWh amount exceeds maximum (100 kWh)',
    ]);
    expect(await refused(nowMs() + 60_001)).toEqual([
      422,
      'in_future',
      'Reading timestamp cannot be in the future',
    ]);
    expect(await refused(nowMs() - 7 * DAY_MS - 1)).toEqual([
      422,
      'too_old',
      'Reading timestamp is too old (>7 days)',
    ]);
    expect(await refused(nowMs() - QUARTER_MS + 1)).toEqual([
      422,
      'interval_overlap',
      'Duplicate reading detected within 15-minute window',
    ]);
    expect(await refused(nowMs() - QUARTER_MS)).toEqual([200, 'accepted', undefined]);
  });

  it('are listed to their owner with what was made of them, and counted', async () => {
    const meter = await meterOf();
    const accountId = await accountOf(meter);
    const key = await keyOf(accountId);
    const ids: string[] = [];
    for (const at of [2, 1, 0])
      ids.push((await submit(meter.body(nowMs() - at * QUARTER_MS))).json.id);
    await gateway.settle();
    const line = {
      meterId: meter.meterId,
      register: 'generation',
      startsMs: nowMs() - 2 * QUARTER_MS,
      energyUWh: 2_000_000_000n,
    };
    await gateway.services.energyLedger.claim({
      purpose: 'token',
      key: `mint ${ids[1]!}`,
      lines: [line],
    });
    const get = async (path: string, as = key) => (await ask(gateway.url + path, { key: as })).json;
    const idsOf = (list: { id: string }[]) => list.map(({ id }) => id);
    for (const path of [
      '/api/v1/meters/readings?owner=me',
      '/api/v1/meters/readings',
      '/api/meters/my-readings',
    ])
      expect(idsOf(await get(path))).toEqual(ids.toReversed());
    expect(idsOf(await get('/api/v1/meters/readings?minted=true'))).toEqual([ids[1]]);
    expect(idsOf(await get('/api/v1/meters/readings?minted=false'))).toEqual([ids[2], ids[0]]);
    const [minted] = await get('/api/v1/meters/readings?minted=true');
    expect(minted).toMatchObject({ minted: true, minted_kwh: '2', unclaimed_kwh: '3' });
    const from = encodeURIComponent(new Date(nowMs() - QUARTER_MS).toISOString());
    expect(idsOf(await get(`/api/v1/meters/readings?from=${from}`))).toEqual([ids[2], ids[1]]);
    const page = await ask(`${api}/meters/readings?limit=2`, { key });
    expect(idsOf(page.json)).toEqual([ids[2], ids[1]]);
    const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link')!)![1]!;
    expect(idsOf(await get(next))).toEqual([ids[0]]);
    const sorted = async (query: string) => idsOf(await get(`/api/v1/meters/readings?${query}`));
    const all = (await get('/api/v1/meters/readings')).toReversed();
    const by = (name: string) =>
      idsOf(
        all.toSorted(
          (a: any, b: any) =>
            (Number(a[name]) || Date.parse(a[name])) - (Number(b[name]) || Date.parse(b[name])),
        ),
      );
    expect(await sorted('sort_by=kwh_amount&sort_order=asc')).toEqual(by('kwh_amount'));
    expect(await sorted('sort_by=reading_timestamp')).toEqual(by('reading_timestamp').toReversed());
    expect(await sorted('sort_by=submitted_at&sort_order=asc')).toEqual(ids);
    expect(await sorted('page_size=1&page=2&sort_order=asc')).toEqual([ids[1]]);
    expect(await sorted('page=4&page_size=1')).toEqual([]);
    const numbered = await ask(`${api}/meters/readings?page_size=2&sort_by=kwh_amount`, { key });
    expect(idsOf(numbered.json)).toEqual(by('kwh_amount').toReversed().slice(0, 2));
    const following = /<([^>]+)>; rel="next"/.exec(numbered.headers.get('link')!)![1]!;
    expect(idsOf(await get(following))).toEqual([by('kwh_amount')[0]]);
    const last = await ask(gateway.url + following, { key });
    expect(last.headers.get('link')).toBeNull();
    const stats = {
      total_readings: 3,
      quarantined_readings: 0,
      total_kwh: '15',
      minted_kwh: '2',
      claimed_kwh: '2',
      unminted_kwh: '13',
      intervals: 3,
    };
    expect(await get('/api/v1/meters/stats')).toEqual(stats);
    expect(await get('/api/meters/stats')).toEqual(stats);
    const auditor = await keyOf('auditors', 'auditor');
    expect(await get(`/api/v1/meters/stats?owner=${accountId}`, auditor)).toEqual(stats);
    // An owner who asks for another's gets their own.
    const stranger = await keyOf('strangers');
    expect(await get(`/api/v1/meters/readings?owner=${accountId}`, stranger)).toEqual([]);
    expect((await get(`/api/v1/meters/stats?owner=${accountId}`, stranger)).total_readings).toBe(0);
  });

  it('are offered to operators for minting, oldest first, until all of their energy is claimed', async () => {
    const meter = await meterOf();
    const operator = await keyOf('operators', 'operator');
    const first = (await submit(meter.body(nowMs() - QUARTER_MS))).json.id;
    const second = (await submit(meter.body(nowMs()))).json.id;
    await gateway.settle();
    const own = async (path = '/api/v1/admin/meters/unminted?limit=1000') =>
      (await ask(gateway.url + path, { key: operator })).json
        .filter(({ meter_id: id }: { meter_id: string }) => id === meter.meterId)
        .map(({ id }: { id: string }) => id);
    expect(await own()).toEqual([first, second]);
    expect(await own('/api/admin/meters/unminted?limit=1000')).toEqual([first, second]);
    const line = {
      meterId: meter.meterId,
      register: 'generation',
      startsMs: nowMs() - 2 * QUARTER_MS,
      energyUWh: 5_000_000_000n,
    };
    await gateway.services.energyLedger.claim({ purpose: 'sale', key: first, lines: [line] });
    expect(await own()).toEqual([second]);
  });

  describe('Bad input', () => {
    let meter: SeedMeter;
    let good: Required<SeedBody>;
    beforeEach(async () => {
      meter ??= await meterOf();
      good = meter.body(nowMs());
    });
    const text = (body: object, from: string, to: string) => JSON.stringify(body).replace(from, to);

    it.each<[string, (good: Required<SeedBody>) => object | string, number, string]>([
      ['no body', () => '', 400, 'body_invalid'],
      ['no object', () => '[]', 400, 'body_invalid'],
      ['half an object', () => '{"wallet_address":', 400, 'json_syntax'],
      ['a name twice', (one) => text(one, '{', '{"kwh_amount":1,'), 400, 'json_duplicate_key'],
      ['a lone surrogate', (one) => text(one, WALLET, '\\ud800'), 400, 'json_lone_surrogate'],
      ['a field more', (one) => ({ ...one, minted: true }), 400, 'body_invalid'],
      ['no wallet', ({ wallet_address: _none, ...one }) => one, 400, 'body_invalid'],
      ['a wallet of a number', (one) => ({ ...one, wallet_address: 7 }), 400, 'body_invalid'],
      [
        'a wallet with a line feed',
        (one) => ({ ...one, wallet_address: 'a\nwallet: b' }),
        400,
        'member_invalid',
      ],
      ['U+0000 in the meter', (one) => ({ ...one, meter_id: 'a\u0000' }), 400, 'body_invalid'],
      ['an amount of words', (one) => ({ ...one, kwh_amount: 'five' }), 400, 'body_invalid'],
      ['an infinite amount', (one) => text(one, '"5.000000"', '1e999'), 400, 'member_invalid'],
      [
        'an amount without end',
        (one) => text(one, '"5.000000"', `1${'0'.repeat(50)}`),
        400,
        'body_invalid',
      ],
      ['an amount NaN', (one) => text(one, '"5.000000"', 'NaN'), 400, 'json_syntax'],
      ['seven decimals', (one) => ({ ...one, kwh_amount: '5.0000001' }), 400, 'amount_precision'],
      [
        'seven decimals by exponent',
        (one) => text(one, '"5.000000"', '5e-7'),
        400,
        'amount_precision',
      ],
      ['a time of words', (one) => ({ ...one, reading_timestamp: 'now' }), 400, 'member_invalid'],
      [
        'a time without offset',
        (one) => ({ ...one, reading_timestamp: '2025-12-03T04:00:00' }),
        400,
        'member_invalid',
      ],
      [
        'February 30th',
        (one) => ({ ...one, reading_timestamp: '2025-02-30T04:00:00Z' }),
        400,
        'member_invalid',
      ],
      [
        'a short signature',
        (one) => ({ ...one, meter_signature: 'abc' }),
        400,
        'meter_signature_invalid',
      ],
      [
        'a signature of another alphabet',
        (one) => ({ ...one, meter_signature: '0OIl' }),
        400,
        'meter_signature_invalid',
      ],
      ['an empty signature', (one) => ({ ...one, meter_signature: '' }), 400, 'body_invalid'],
      [
        'no signature',
        ({ meter_signature: _none, ...one }) => one,
        401,
        'device_signature_required',
      ],
      [
        'null for a signature',
        (one) => ({ ...one, meter_signature: null }),
        401,
        'device_signature_required',
      ],
      [
        'the signature of 64 zeros',
        (one) => ({ ...one, meter_signature: '1'.repeat(64) }),
        401,
        'signature_invalid',
      ],
      ['a changed amount', (one) => ({ ...one, kwh_amount: '5.000001' }), 401, 'signature_invalid'],
      [
        'a changed wallet',
        (one) => ({ ...one, wallet_address: OTHER_WALLET }),
        401,
        'signature_invalid',
      ],
      ['an unknown meter', (one) => ({ ...one, meter_id: 'nobody' }), 401, 'meter_unknown'],
      [
        'more than a body holds',
        (one) => ({ ...one, meter_id: 'm'.repeat(20_000) }),
        413,
        'message_too_large',
      ],
    ])('%s is refused, and nothing is kept', async (_name, change, status, code) => {
      const { readingList } = gateway.services.store;
      const before = await readingList.list({ order: 'newest', limit: 1 });
      const answer = await submit(change(good));
      expect([answer.status, answer.json?.code]).toEqual([status, code]);
      expect(await readingList.list({ order: 'newest', limit: 1 })).toEqual(before);
    });

    it.each([
      '/meters/readings?limit=0',
      '/meters/readings?limit=1001',
      '/meters/readings?minted=maybe',
      '/meters/readings?from=yesterday',
      '/meters/readings?cursor=x',
      '/meters/readings?page=0',
      '/meters/readings?page=100000',
      '/meters/readings?page_size=101',
      '/meters/readings?page=1&cursor=n1',
      '/meters/readings?sort_by=wallet',
      '/meters/readings?sort_order=up',
      '/meters/readings?sort_by=kwh_amount&cursor=n1',
      '/meters/readings?owner=a&owner=b',
      '/meters/stats?owner=a&owner=b',
      '/admin/meters/unminted?cursor=t0',
    ])('%s is refused', async (path) => {
      const answer = await ask(api + path, { key: gateway.adminKey });
      expect(answer.status).toBe(400);
      expect(['query_invalid', 'cursor_invalid']).toContain(answer.json.code);
    });
  });

  it.each([
    ['require', [401, 'device_signature_required'], [401, 'device_signature_required']],
    ['review', [202, 'quarantined'], [401, 'device_signature_required']],
    ['accept', [200, 'accepted'], [401, 'device_signature_required']],
  ] as const)(
    'without a signature follow devices.unsigned: %s',
    async (unsigned, own, stranger) => {
      const open = await startTestGateway({
        host,
        config: { devices: { unsigned } },
        parts: { plugins: [] },
      });
      const meter = new SeedMeter('SERIAL-1', WALLET);
      const stored = meter.stored('active', { accountId: 'ada', owner: WALLET });
      await open.services.store.meters.register(stored, unjournaled);
      const issue = async (accountId: string) =>
        (
          await ask(`${open.url}/api/v1/admin/api-keys`, {
            key: open.adminKey,
            body: { account_id: accountId, role: 'owner' },
          })
        ).json.key;
      const { meter_signature: _unsigned, ...body } = meter.body(open.clock.nowMs());
      const send = async (of: object, key?: string) => {
        const options = key === undefined ? { body: of } : { body: of, key };
        const { status, json } = await ask(`${open.url}/api/v1/meters/submit`, options);
        return [status, json.code ?? json.verdict];
      };
      expect(await send(body)).toEqual(stranger);
      if (unsigned !== 'require') {
        expect(await send(body, await issue('bob'))).toEqual([403, 'meter_not_owned']);
        const bobs = { ...body, wallet_address: OTHER_WALLET };
        expect(await send(bobs, await issue('ada'))).toEqual([403, 'meter_not_owned']);
      }
      expect(await send(body, await issue('ada'))).toEqual(own);
      await open.stop();
    },
  );
});
