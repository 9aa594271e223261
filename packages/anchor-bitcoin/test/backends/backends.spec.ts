import { createHash } from 'node:crypto';
import { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import plugin from '@wattproof/anchor-bitcoin';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import type {
  Anchor,
  AnchorIntent,
  Attempt,
  Observation,
  PluginContext,
} from '@wattproof/core/spi';
import { CalendarsConfig } from '../../src/calendars/calendars.config.js';
import { regtestKey, regtestWallet } from '../regtest/regtest-key.js';
import { Regtest } from '../regtest/regtest.js';
import { EsploraFacade, type Lie } from './esplora-facade.js';

const { signal } = new AbortController();
const context: PluginContext = {
  instanceId: 'bitcoin',
  origin: 'test',
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  clock: { nowMs: () => 0 },
};

let regtest: Regtest;
let esplora: EsploraFacade;
let second: EsploraFacade;
let anchored: { anchor: Anchor; intent: AnchorIntent; attempt: Attempt };

const anchorOf = (config: object): Anchor =>
  plugin.create(
    BitcoinConfig.parse({ network: 'regtest', wif: regtestKey(3), confirmations: 2, ...config }),
    context,
  );
const overEsplora = (more: object = {}) =>
  anchorOf({ esplora: { url: esplora.url, timeoutMs: 20_000 }, ...more });
const answering =
  (pattern: RegExp, body: string, status = 200): Lie =>
  (path) =>
    pattern.test(path) ? { status, body } : undefined;
const headers = {
  header: async (_ledger: string, { height }: { readonly height?: number }) =>
    height === undefined ? undefined : regtest.header(height),
};

function intentOf(name: string, size: bigint): AnchorIntent {
  const digest = createHash('sha256').update(name).digest();
  return {
    id: digest.toString('hex'),
    anchor: 'bitcoin',
    commitment: { origin: 'test', size, root: new Uint8Array(32), digest },
    createdAtMs: 0,
  };
}

beforeAll(async () => {
  regtest = await Regtest.start();
  await regtest.fund(regtestWallet(3).script);
  esplora = await EsploraFacade.start(regtest.url);
  second = await EsploraFacade.start(regtest.url);
});
afterEach(() => {
  esplora.lie = () => undefined;
  esplora.page = 50;
  second.lie = () => undefined;
});
afterAll(async () => {
  await esplora.stop();
  await second.stop();
  await regtest.stop();
});

describe('an anchor over Esplora', () => {
  it('publishes, observes, proves and finds again as over a node', async () => {
    const anchor = overEsplora();
    const intent = intentOf('esplora', 1n);
    expect(await anchor.health(signal)).toMatchObject({ ready: true });
    expect((await anchor.quote(intent, signal)).fee.rate).toMatchObject({ amount: 3 });
    const draft = await anchor.prepare(intent, [], { bump: 0, signal });
    const signed = await anchor.sign(intent, draft, signal);
    const attempt: Attempt = {
      ...signed,
      intentId: intent.id,
      number: 0,
      state: 'signed',
      createdAtMs: 0,
    };
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'missing' }]);
    expect(await anchor.broadcast(signed, signal)).toBe('accepted');
    expect(await anchor.broadcast(signed, signal)).toBe('known');
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'seen' }]);
    await regtest.mine(2);
    expect(await anchor.observe([attempt], signal)).toMatchObject([
      { status: 'final', inclusion: { depth: 2 } },
    ]);
    const evidence = await anchor.evidence(intent, attempt, signal);
    expect(
      await opReturnVerifier.verify(intent.commitment, evidence, { headers, trustedKeys: [] }),
    ).toMatchObject({ ok: true, trust: 'spv-pow' });
    expect((await anchor.findExisting!(intent, signal))?.txId).toBe(attempt.txId);
    const [{ inclusion }] = (await anchor.observe([attempt], signal)) as [Observation];
    anchored = { anchor, intent, attempt: { ...attempt, inclusion: inclusion! } };
  });

  it.each([50, 0])(
    'sees what waits where the server calls its coin spent and shows %i of what waits',
    async (page) => {
      esplora.page = page;
      const anchor = overEsplora();
      const [wanted, next] = [intentOf(`waits ${page}`, 2n), intentOf(`next ${page}`, 3n)];
      // A second coin must not become the beginning of a second chain.
      await regtest.pay(regtestWallet(3).script, 50_000);
      await regtest.mine(1);
      const draft = await anchor.prepare(wanted, [], { bump: 0, signal });
      const signed = await anchor.sign(wanted, draft, signal);
      await anchor.broadcast(signed, signal);
      expect(await anchor.findExisting!(wanted, signal)).toMatchObject({ txId: signed.txId });
      await expect(anchor.prepare(next, [], { bump: 0, signal })).rejects.toMatchObject({
        reason: 'conflict',
        message: expect.stringContaining(signed.txId),
      });
      await regtest.mine(2);
    },
  );

  const hash = (digit: string) => digit.repeat(64);

  it.each([
    ['is not JSON', /\/status$/, 'no json', 200],
    ['has not the members it should', /\/status$/, '{"confirmed":true}', 200],
    ['is a page', /\/status$/, '<html>', 200],
    ['is an error of the server', /\/status$/, 'busy', 503],
    ['is a refusal to serve', /\/status$/, 'slow down', 429],
    ['has another transaction', /\/hex$/, 'aa'.repeat(80), 200],
    ['has a tip that is no number', /tip\/height/, 'NaN', 200],
    ['has a hash that is none', /block-height/, 'zz', 200],
    ['never ends', /\/status$/, ' '.repeat(9 * 1024 * 1024), 200],
  ] as const)('concludes nothing from an answer that %s', async (_what, pattern, body, status) => {
    esplora.lie = answering(pattern, body, status);
    const anchor = overEsplora();
    const answer = /hex/.test(pattern.source)
      ? anchor.findExisting!(anchored.intent, signal)
      : anchor.observe([anchored.attempt], signal);
    await expect(answer).rejects.toMatchObject({ name: 'AnchorError', reason: 'unavailable' });
  });

  it.each([
    ['another header', /\/header$/, () => regtest.header(5)],
    [
      'a header without work',
      /\/header$/,
      async () => {
        const header = (await regtest.header(await regtest.height()))!.slice();
        header[76]! ^= 0xff;
        return header;
      },
    ],
    [
      'a header of the same transactions that was mined beside the chain',
      /\/header$/,
      async () => {
        const { height } = anchored.attempt.inclusion!;
        const other = Buffer.from((await regtest.header(height))!);
        const hash = () => {
          const once = createHash('sha256').update(other).digest();
          return createHash('sha256').update(once).digest();
        };
        other.writeUInt32LE(other.readUInt32LE(68) + 1, 68);
        while (hash()[31]! > 0x7f) other.writeUInt32LE(other.readUInt32LE(76) + 1, 76);
        return Uint8Array.from(other);
      },
    ],
    [
      'the coinbase of another block',
      /\/hex$/,
      async () => {
        const read = async (path: string) => (await fetch(`${esplora.url}${path}`)).text();
        const [id] = JSON.parse(await read(`/block/${await read('/block-height/5')}/txids`));
        return Uint8Array.from(Buffer.from(await read(`/tx/${id}/hex`), 'hex'));
      },
    ],
    ['other transactions', /\/txids$/, async () => JSON.stringify([hash('1')])],
  ] as const)('makes no evidence of %s', async (_what, pattern, made) => {
    const lie = await made();
    const body = typeof lie === 'string' ? lie : Buffer.from(lie!).toString('hex');
    esplora.lie = answering(pattern, body);
    await expect(
      anchored.anchor.evidence(anchored.intent, anchored.attempt, signal),
    ).rejects.toMatchObject({ reason: 'unavailable' });
  });

  it('is not ready on a server of another network, and says which', async () => {
    esplora.lie = answering(
      /block-height\/0$/,
      '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    );
    expect(await anchored.anchor.health(signal)).toMatchObject({
      ready: false,
      detail: expect.stringContaining('"main"'),
    });
  });

  it('takes nothing that answers in another way for a node', async () => {
    const anchor = anchorOf({ rpc: { url: esplora.url } });
    for (const body of ['no such route', '[]', '{"id":1}', '"x"']) {
      esplora.lie = () => ({ status: 404, body });
      await expect(anchor.observe([anchored.attempt], signal)).rejects.toMatchObject({
        reason: 'unavailable',
        message: expect.stringContaining('HTTP 404'),
      });
    }
    for (const result of ['{}', '{"hex":"zz"}', '{"hex":"00","blockhash":5}', '7']) {
      esplora.lie = () => ({ status: 200, body: `{"result":${result},"error":null}` });
      await expect(anchor.observe([anchored.attempt], signal)).rejects.toMatchObject({
        name: 'AnchorError',
        reason: 'unavailable',
      });
    }
  });

  it('waits no longer than it was told', async () => {
    const fetched = globalThis.fetch;
    // A server that takes the request and is silent.
    globalThis.fetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason as Error));
      });
    try {
      const anchor = anchorOf({ esplora: { url: esplora.url, timeoutMs: 100 } });
      await expect(anchor.observe([anchored.attempt], signal)).rejects.toMatchObject({
        reason: 'unavailable',
        message: expect.stringContaining('within 100 ms'),
      });
    } finally {
      globalThis.fetch = fetched;
    }
  });
});

describe('nodes that must agree', () => {
  const both = (agree: number) =>
    anchorOf({
      rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
      headers: {
        sources: [{ esplora: { url: esplora.url } }, { esplora: { url: second.url } }],
        agree,
      },
    });
  const another: Lie = (path) =>
    /block-height\/[1-9]/.test(path) ? { status: 200, body: 'ab'.repeat(32) } : undefined;
  const down: Lie = () => ({ status: 500, body: '' });
  const final = [{ status: 'final' }];

  it('outvote one that names another block, and one that does not answer', async () => {
    const { attempt } = anchored;
    expect(await both(3).observe([attempt], signal)).toMatchObject(final);
    esplora.lie = another;
    expect(await both(2).observe([attempt], signal)).toMatchObject(final);
    esplora.lie = down;
    expect(await both(2).observe([attempt], signal)).toMatchObject(final);
  });

  it('let nothing count as included while too few of them say so', async () => {
    esplora.lie = another;
    second.lie = down;
    await expect(both(2).observe([anchored.attempt], signal)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/1 of 3 nodes.*abab.*no answer/),
    });
    await expect(both(2).evidence(anchored.intent, anchored.attempt, signal)).rejects.toMatchObject(
      { reason: 'unavailable' },
    );
  });

  it('say how deep a block is: one alone makes nothing final', async () => {
    const { attempt } = anchored;
    const tip = await regtest.height();
    const above = (blocks: number): Lie => answering(/tip\/height/, String(tip + blocks));
    const observed = async (agree: number) => {
      const sources = [{ rpc: { url: regtest.url, user: 'anchor', password: 'secret' } }];
      const anchor = overEsplora({ headers: { sources, agree } });
      return (await anchor.observe([attempt], signal))[0]?.inclusion?.depth;
    };
    const depth = (await overEsplora().observe([attempt], signal))[0]!.inclusion!.depth;
    esplora.lie = above(100);
    expect((await overEsplora().observe([attempt], signal))[0]?.inclusion?.depth).toBe(depth + 100);
    expect(await observed(2)).toBe(depth);
    esplora.lie = above(-1);
    expect(await observed(2)).toBe(depth - 1);
  });

  it('are configured so that they can agree, and each names one node', () => {
    const rpc = { url: 'http://127.0.0.1:1' };
    const sources = [{ rpc: { url: 'http://127.0.0.1:2' } }];
    const parse = (more: object) =>
      BitcoinConfig.safeParse({ network: 'regtest', wif: regtestKey(3), ...more }).success;
    expect(parse({ rpc, headers: { sources } })).toBe(true);
    expect(parse({ rpc, headers: { sources, agree: 3 } })).toBe(false);
    expect(parse({ rpc, headers: { sources: [{ rpc, esplora: rpc }] } })).toBe(false);
    expect(parse({ rpc, esplora: rpc })).toBe(false);
    expect(parse({})).toBe(false);
    expect(parse({ rpc, headers: { sources: [{ rpc: { url: `${rpc.url}/` } }] } })).toBe(false);
  });

  it('are named by http URLs that hold no password', () => {
    const problems = (url: string) => {
      const rpc = { rpc: { url }, headers: { sources: [{ esplora: { url: `${url}/2` } }] } };
      const signer = { url, publicKey: `02${'11'.repeat(32)}` };
      const config = { network: 'regtest', signer, ...rpc };
      return BitcoinConfig.safeParse(config).error?.issues ?? [];
    };
    for (const url of ['http://ann:hunter2@node', 'https://hunter2@node/x', 'ftp://node']) {
      expect(problems(url).map(({ path }) => path.join('.'))).toEqual([
        'rpc.url',
        'headers.sources.0.esplora.url',
        'signer.url',
      ]);
      expect(JSON.stringify(problems(url).map(({ message }) => message))).not.toContain('hunter2');
    }
    expect(
      CalendarsConfig.safeParse({
        rpc: { url: 'http://n' },
        calendars: ['https://a@b', 'https://c'],
      }).success,
    ).toBe(false);
  });
});
