import plugin, { CalendarsConfig } from '@wattproof/anchor-bitcoin/calendars';
import { openTimestampsVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { Anchor, AnchorIntent, Attempt, Collections } from '@wattproof/core/spi';
import { describeAnchor } from '@wattproof/core/testing';
import { createHash } from 'node:crypto';
import { heightOf, independentOts } from '../ots/independent-ots.js';
import { regtestWallet } from '../regtest/regtest-key.js';
import { Regtest } from '../regtest/regtest.js';
import { z } from 'zod';
import { FakeCalendars } from './fake-calendars.js';
import { memoryCollections } from './memory-collections.js';

interface World {
  readonly calendars: FakeCalendars;
  readonly collections: Collections;
}

const { signal } = new AbortController();
const KEY = 11;
let regtest: Regtest;
let calendars: FakeCalendars;

beforeAll(async () => {
  regtest = await Regtest.start();
  await regtest.fund(regtestWallet(KEY).script);
  calendars = await FakeCalendars.start(regtest, KEY, 3);
});
afterAll(async () => {
  await calendars.stop();
  await regtest.stop();
});

const config = () => ({
  network: 'regtest',
  rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
  calendars: calendars.urls,
  confirmations: 3,
  timeoutMs: 20_000,
});
const open = (collections: Collections = memoryCollections(), more: object = {}): Anchor =>
  plugin.create(CalendarsConfig.parse({ ...config(), ...more }), {
    instanceId: 'calendars',
    origin: 'test',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    clock: { nowMs: () => 0 },
    collections,
  });
const headers = {
  header: async (_ledger: string, { height }: { readonly height?: number }) =>
    height === undefined ? undefined : regtest.header(height),
};
const intentOf = (name: string): AnchorIntent => {
  const digest = createHash('sha256').update(name).digest();
  return {
    id: digest.toString('hex'),
    anchor: 'calendars',
    commitment: { origin: 'test', size: 1n, root: new Uint8Array(32), digest },
    createdAtMs: 0,
  };
};
async function attemptOf(anchor: Anchor, intent: AnchorIntent): Promise<Attempt> {
  const draft = await anchor.prepare(intent, [], { bump: 0, signal });
  const signed = await anchor.sign(intent, draft, signal);
  return { ...signed, intentId: intent.id, number: 0, state: 'signed', createdAtMs: 0 };
}

describeAnchor<World>({
  plugin,
  verifier: openTimestampsVerifier,
  open: async () => ({ calendars, collections: memoryCollections() }),
  config,
  create: ({ collections }) => open(collections),
  // Calendars whose node is down anchor nothing.
  settle: () => (calendars.down.size > 0 ? regtest.mine(1) : calendars.mine()),
  setDown: async (_world, down) => {
    await regtest.setDown(down);
    calendars.down = new Set(down ? [0, 1, 2] : []);
  },
  confirmed: (_world, { digest }) => calendars.carrying(digest),
  reorg: (_world, depth) => regtest.reorganise(depth),
  headers: () => headers,
  policy: { finalityDepth: 3 },
  crash: { points: 3 },
});

describe('a commitment given to calendars', () => {
  afterEach(() => {
    calendars.down.clear();
    calendars.lie = undefined;
  });

  it('is promised, upgraded to a block, and written as .ots, which another implementation follows to its header', async () => {
    const anchor = open();
    const intent = intentOf('upgrade');
    const attempt = await attemptOf(anchor, intent);
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'missing' }]);
    expect(await anchor.broadcast(attempt, signal)).toBe('accepted');
    expect(await anchor.broadcast(attempt, signal)).toBe('known');
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'seen' }]);
    await expect(anchor.evidence(intent, attempt, signal)).rejects.toMatchObject({
      reason: 'not-found',
    });
    await calendars.mine();
    expect(await anchor.observe([attempt], signal)).toMatchObject([
      { status: 'included', inclusion: { depth: 1 } },
    ]);
    const evidence = await anchor.evidence(intent, attempt, signal);
    const { commitment } = intent;
    const proof = { format: 'ots', digest: commitment.digest, steps: [], commitment, evidence };
    const written = await anchor.exportProof!(proof);
    const { attested } = independentOts(written!.bytes);
    const header = await regtest.header(heightOf(attested[0]!));
    expect(attested).toHaveLength(1);
    expect(attested[0]!.message).toEqual(Buffer.from(header!.slice(36, 68)));
    await expect(
      anchor.exportProof!({ ...proof, commitment: intentOf('other').commitment }),
    ).rejects.toMatchObject({ reason: 'invalid' });
    await regtest.mine(2);
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'final' }]);
  });

  it('needs as many of them as configured, and gives it to the others only once they answer', async () => {
    const anchor = open();
    const attempt = await attemptOf(anchor, intentOf('two of three'));
    const times = () => calendars.given.filter((digest) => digest === attempt.txId).length;
    calendars.down = new Set([0, 1]);
    await expect(anchor.broadcast(attempt, signal)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('1 of 3'),
    });
    calendars.down = new Set([0]);
    expect(await anchor.broadcast(attempt, signal)).toBe('accepted');
    expect(times()).toBe(2);
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'seen' }]);
    expect(await anchor.health(signal)).toMatchObject({ ready: true, facts: { calendars: 2 } });
  });

  it.each([
    ['what is no timestamp', Buffer.from('<html>')],
    ['too much', Buffer.alloc(20_000)],
    ['a block that does not hold it', Buffer.from('000588960d73d719010105', 'hex')],
    ['a block that is not there', Buffer.from('000588960d73d7190103e6ef15', 'hex')],
  ])('takes nothing from a calendar that answers %s', async (what, lie) => {
    const anchor = open();
    const attempt = await attemptOf(anchor, intentOf(what));
    calendars.lie = lie;
    expect(await anchor.broadcast(attempt, signal)).toBe('accepted');
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'seen' }]);
    await calendars.mine();
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'included' }]);
  });

  it('counts as in a block only when the nodes agree about that block', async () => {
    const collections = memoryCollections();
    const attempt = await attemptOf(open(collections), intentOf('agreed'));
    await open(collections).broadcast(attempt, signal);
    await calendars.mine();
    expect(await open(collections).observe([attempt], signal)).toMatchObject([
      { status: 'included' },
    ]);
    const sources = [{ rpc: { ...config().rpc, url: 'http://127.0.0.1:9' } }];
    const alone = open(collections, { headers: { sources, agree: 2 } });
    await expect(alone.observe([attempt], signal)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('Only 1 of 2 nodes'),
    });
  });

  it('needs no node that finds transactions', async () => {
    await regtest.setIndexed(false);
    expect(await open().health(signal)).toMatchObject({ ready: true });
    await regtest.setIndexed(true);
  });

  it('is configured with enough calendars', () => {
    const parse = (more: object) => CalendarsConfig.safeParse({ ...config(), ...more }).success;
    expect(parse({})).toBe(true);
    expect(parse({ calendars: [calendars.urls[0]] })).toBe(false);
    expect(parse({ calendars: [calendars.urls[0], calendars.urls[0]] })).toBe(false);
    expect(parse({ calendars: [calendars.urls[0], `${calendars.urls[0]}/`] })).toBe(false);
    // What `gateway schema` shows.
    expect(z.toJSONSchema(CalendarsConfig, { io: 'input' })).toMatchObject({ type: 'object' });
    expect(parse({ rpc: undefined })).toBe(false);
  });
});
