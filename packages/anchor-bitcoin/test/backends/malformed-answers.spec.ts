import { createHash } from 'node:crypto';
import { bitcoinAnchorWith } from '@wattproof/anchor-bitcoin';
import {
  type Anchor,
  type AnchorError,
  type AnchorIntent,
  type Attempt,
  isAnchorError,
} from '@wattproof/core/spi';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import { LocalSigner } from '../../src/local-signer.js';
import { regtestKey, regtestWallet } from '../regtest/regtest-key.js';
import { Regtest } from '../regtest/regtest.js';
import { EsploraFacade } from './esplora-facade.js';
import { misshapen, ReplayedNode } from './replayed-node.js';

const { signal } = new AbortController();
const KEY = 17;
const plugin = bitcoinAnchorWith(new LocalSigner(regtestKey(KEY), 'regtest'));
let regtest: Regtest;
let esplora: EsploraFacade;
let attempt: Attempt;

const intentOf = (name: string): AnchorIntent => {
  const digest = createHash('sha256').update(name).digest();
  return {
    id: digest.toString('hex'),
    anchor: 'bitcoin',
    commitment: { origin: 'test', size: 1n, root: new Uint8Array(32), digest },
    createdAtMs: 0,
  };
};
const intent = intentOf('there');
const nodes = {
  rpc: () => ({ rpc: { url: regtest.url, user: 'anchor', password: 'secret' } }),
  wallet: () => ({
    rpc: { url: regtest.url, user: 'anchor', password: 'secret', wallet: 'anchors' },
  }),
  esplora: () => ({ esplora: { url: esplora.url } }),
};
const KINDS = Object.keys(nodes) as (keyof typeof nodes)[];
const open = (kind: keyof typeof nodes): Anchor => openAt(nodes[kind]());
const openAt = (config: object): Anchor =>
  plugin.create(plugin.config.parse({ network: 'regtest', confirmations: 2, ...config }), {
    instanceId: 'bitcoin',
    origin: 'test',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    clock: { nowMs: () => 0 },
  });
/** Everything an anchor asks of its node, each by an anchor that remembers nothing. */
const CALLS: Readonly<Record<string, (anchor: Anchor) => Promise<unknown>>> = {
  quote: (anchor) => anchor.quote(intent, signal),
  prepare: (anchor) => anchor.prepare(intentOf('next'), [], { bump: 0, signal }),
  broadcast: (anchor) => anchor.broadcast(waiting, signal),
  observe: (anchor) => anchor.observe([attempt, waiting], signal),
  evidence: (anchor) => anchor.evidence(intent, attempt, signal),
  findExisting: (anchor) => anchor.findExisting!(intentOf('nowhere'), signal),
};
let waiting: Attempt;

async function attemptOf(name: string): Promise<Attempt> {
  const anchor = open('rpc');
  const wanted = intentOf(name);
  const draft = await anchor.prepare(wanted, [], { bump: 0, signal });
  const signed = await anchor.sign(wanted, draft, signal);
  return { ...signed, intentId: wanted.id, number: 0, state: 'signed', createdAtMs: 0 };
}

/** What came of a call: nothing amiss, or the error it ended with. */
async function outcome(call: () => Promise<unknown>): Promise<AnchorError | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (!isAnchorError(error)) throw error;
    return error;
  }
}

beforeAll(async () => {
  regtest = await Regtest.start();
  await regtest.fund(regtestWallet(KEY).script);
  esplora = await EsploraFacade.start(regtest.url);
  attempt = await attemptOf('there');
  await open('rpc').broadcast(attempt, signal);
  await regtest.mine(2);
  waiting = await attemptOf('waiting');
});
// What a test handed over waits no longer.
beforeEach(() => regtest.evictAll());
afterAll(async () => {
  await esplora.stop();
  await regtest.stop();
});

describe('a node that answers what it should not', () => {
  const covered = new Set<string>();

  it.each(KINDS)('is unavailable in every call that needs the answer (%s)', async (kind) => {
    let tried = 0;
    for (const [name, call] of Object.entries(CALLS)) {
      const node = new ReplayedNode();
      await node.during(async () => {
        await outcome(() => call(open(kind)));
        for (const asked of node.asked) {
          // With a wallet, what is asked besides.
          if (covered.has(`${name} ${asked}`)) continue;
          covered.add(`${name} ${asked}`);
          const { text } = node.honest(asked);
          const honest: unknown = text.startsWith('{"') ? JSON.parse(text) : jsonOr(text);
          const result = kind === 'esplora' ? honest : (honest as { result: unknown }).result;
          for (const other of misshapen(result)) {
            const lie = JSON.stringify(kind === 'esplora' ? other : { result: other, error: null });
            node.change = (answer) => (answer.name === asked ? { text: lie } : undefined);
            const error = await outcome(() => call(open(kind)));
            tried += 1;
            // Some lies are of the right shape: a fee, a height, a list of coins.
            expect([name, asked, lie.slice(0, 200), error?.reason]).toEqual([
              name,
              asked,
              lie.slice(0, 200),
              error &&
                expect.stringMatching(
                  /^(unavailable|not-found|conflict|insufficient-funds|capped)$/,
                ),
            ]);
          }
          node.change = () => undefined;
        }
      });
    }
    expect(tried).toBeGreaterThan(kind === 'wallet' ? 30 : 200);
  });

  const core = (code: number, message: string, status = 500) => ({
    status,
    text: JSON.stringify({ result: null, error: { code, message }, id: 1 }),
  });
  const html = (status: number) => ({ status, text: '<html>no</html>' });
  const REFUSALS: [string, { readonly status: number; readonly text: string }, RegExp][] = [
    ['is starting', core(-28, 'Loading block index…'), /starting/],
    [
      'has no such wallet',
      core(-18, 'Requested wallet does not exist or is not loaded', 404),
      /loadwallet/,
    ],
    ['asks for a wallet', core(-19, 'Wallet file not specified'), /rpc\.wallet/],
    ['is too old', core(-32_601, 'Method not found', 404), /newer/],
    ['has pruned', core(-1, 'Block not available (pruned data)'), /pruned/],
    ['is scanning', core(-8, 'Scan already in progress, use action "abort" or "status"'), /Scan/],
    ['fails', core(-32_603, 'Database error'), /Database/],
    ['refuses for no reason', { status: 500, text: '{"error":{},"result":null}' }, /HTTP 500/],
    ['refuses with a word', { status: 200, text: '{"error":"no"}' }, /HTTP 200/],
    [
      'has a result beside a failure',
      { status: 502, text: '{"result":7,"error":null}' },
      /HTTP 502/,
    ],
    ['refuses the password', html(401), /rpc\.user/],
    ['refuses the address', html(403), /rpc\.user/],
    ['is elsewhere', html(404), /HTTP 404/],
    ['has had too much', html(429), /HTTP 429/],
    ['is out of order', html(503), /HTTP 503/],
    ['sends nothing', { status: 200, text: '' }, /HTTP 200/],
    ['floods', { status: 200, text: ' '.repeat(9 * 1024 * 1024) }, /more than/],
  ];

  it.each(REFUSALS)('and %s costs no anchor its transaction', async (_what, answer, words) => {
    const node = new ReplayedNode();
    node.change = () => answer;
    await node.during(async () => {
      for (const [name, call] of Object.entries(CALLS)) {
        const error = await outcome(() => call(open('rpc')));
        expect({ name, reason: error?.reason }).toEqual({ name, reason: 'unavailable' });
        expect(error!.message).toMatch(words);
      }
      expect(await open('rpc').health(signal)).toMatchObject({ live: true, ready: false });
    });
    // Only what hands the transaction over is refused: it is not the transaction's fault.
    node.change = ({ name }) => (name === 'sendrawtransaction' ? answer : undefined);
    await node.during(async () => {
      const error = await outcome(() => open('rpc').broadcast(waiting, signal));
      expect(error?.reason).toBe('unavailable');
    });
  });

  it.each([
    [
      400,
      'sendrawtransaction RPC error: {"code":-28,"message":"Loading block index…"}',
      'unavailable',
    ],
    [400, 'Transaction not in the right format', 'unavailable'],
    [400, '', 'unavailable'],
    [401, 'unauthorised', 'unavailable'],
    [403, '<html>blocked: fee too low for you</html>', 'unavailable'],
    [404, 'no such route', 'unavailable'],
    [429, 'slow down', 'unavailable'],
    [503, 'busy', 'unavailable'],
    [302, '', 'unavailable'],
    [200, 'f'.repeat(64), 'unavailable'],
    [400, 'sendrawtransaction RPC error: {"code":-26,"message":"bad-witness"}', 'rejected'],
    [400, 'sendrawtransaction RPC error -26: bad-witness', 'rejected'],
    [400, 'sendrawtransaction RPC error -26: min relay fee not met, 100 < 153', 'underpriced'],
    [
      400,
      'sendrawtransaction RPC error: {"code":-25,"message":"bad-txns-inputs-missingorspent"}',
      'conflict',
    ],
  ] as const)('HTTP %i "%s" to a transaction over REST is %s', async (status, body, reason) => {
    esplora.lie = (path) => (path === '/api/tx' ? { status, body } : undefined);
    const error = await outcome(() => open('esplora').broadcast(waiting, signal));
    esplora.lie = () => undefined;
    expect(error?.reason).toBe(reason);
    expect(await regtest.transactionsOf(regtestWallet(KEY).script)).toHaveLength(2);
  });

  it.each([301, 302, 307, 308])('is not followed elsewhere (HTTP %i)', async (status) => {
    const asked: string[] = [];
    esplora.lie = (path) => {
      asked.push(path);
      return { status, body: '', location: `${regtest.url}/` };
    };
    for (const call of Object.values(CALLS)) {
      asked.length = 0;
      for (const config of [{ rpc: { url: esplora.url } }, { esplora: { url: esplora.url } }])
        expect((await outcome(() => call(openAt(config))))?.reason).toBe('unavailable');
      expect(asked.length).toBeLessThanOrEqual(2);
    }
    esplora.lie = () => undefined;
  });
});

describe('the fees of a REST server', () => {
  const quoted = async (estimates: object) => {
    esplora.lie = (path) =>
      path === '/api/fee-estimates' ? { status: 200, body: JSON.stringify(estimates) } : undefined;
    try {
      const anchor = openAt({ esplora: { url: esplora.url }, fee: { fallbackSatPerVb: 2 } });
      return (await anchor.quote(intent, signal)).fee.rate?.amount;
    } finally {
      esplora.lie = () => undefined;
    }
  };

  it('are what it estimates for the target, never below what it takes at all', async () => {
    for (const [estimates, rate] of [
      [{ 1: 12.5, 6: 3, 144: 1.2 }, 3],
      [{ 1: 12.5, 144: 8, 1008: 7 }, 12.5],
      // Nothing for the target, and a mempool that takes nothing below 9.
      [{ 25: 9.5, 1008: 9 }, 9],
      [{ 25: 0.5 }, 2],
      [{}, 2],
    ] as const)
      expect(await quoted(estimates)).toBeCloseTo(rate, 1);
  });

  it.each([{ 6: -1 }, { 6: '3' }, { 6: 1e9 }, { 6: null }, [3], 'x'])(
    'are not taken from %j',
    async (estimates) => {
      await expect(quoted(estimates as object)).rejects.toMatchObject({ reason: 'unavailable' });
    },
  );
});

describe('a node without an index of all transactions', () => {
  beforeAll(() => regtest.setIndexed(false));
  afterAll(() => regtest.setIndexed(true));

  it('serves an anchor from the wallet that watches the address, from coin to evidence', async () => {
    const anchor = open('wallet');
    expect(await anchor.health(signal)).toMatchObject({ ready: true });
    expect(await anchor.observe([attempt, waiting], signal)).toMatchObject([
      { status: 'final' },
      { status: 'missing' },
    ]);
    const evidence = await anchor.evidence(intent, attempt, signal);
    const header = async (_ledger: string, { height }: { readonly height?: number }) =>
      regtest.header(height ?? -1);
    expect(
      await opReturnVerifier.verify(intent.commitment, evidence, {
        trustedKeys: [],
        headers: { header },
      }),
    ).toMatchObject({ ok: true, trust: 'spv-pow' });
    expect((await open('wallet').findExisting!(intent, signal))?.txId).toBe(attempt.txId);
    expect(await anchor.findExisting!(intentOf('nowhere'), signal)).toBeUndefined();
    expect(await anchor.prepare(intentOf('waiting'), [], { bump: 0, signal })).toMatchObject({
      conflictKey: waiting.conflictKey,
    });
    expect(await anchor.broadcast(waiting, signal)).toBe('accepted');
    expect(await anchor.observe([waiting], signal)).toMatchObject([{ status: 'seen' }]);
  });

  it.each([0, -3])(
    'has nothing that its wallet alone keeps (%i confirmations)',
    async (confirmations) => {
      const node = new ReplayedNode();
      const hex = Buffer.from(waiting.signed).toString('hex');
      const kept = { hex, confirmations, blockhash: 'ab'.repeat(32) };
      node.change = ({ name }) =>
        name === 'gettransaction'
          ? { text: JSON.stringify({ result: kept, error: null }) }
          : undefined;
      await node.during(async () => {
        expect(await open('wallet').observe([waiting], signal)).toMatchObject([
          { status: 'missing' },
        ]);
      });
    },
  );

  it('is no node for an anchor without that wallet, and the anchor says what to do', async () => {
    const ways = /rpc\.wallet.*txindex=1/;
    expect(await open('rpc').health(signal)).toMatchObject({
      ready: false,
      detail: expect.stringMatching(ways),
    });
    await expect(CALLS['prepare']!(open('rpc'))).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(ways),
    });
  });

  it.each([
    ['is still building it', 'getindexinfo', { txindex: { synced: false } }, 'rpc', /building/],
    [
      'has a wallet that never heard of the address',
      'getaddressinfo',
      { ismine: false },
      'wallet',
      /does not watch bcrt1/,
    ],
  ] as const)('waits while it %s', async (_what, method, result, kind, words) => {
    const node = new ReplayedNode();
    node.change = ({ name }) =>
      name === method || name === 'listunspent'
        ? { text: JSON.stringify({ result: name === method ? result : [], error: null }) }
        : undefined;
    await node.during(async () => {
      await expect(CALLS['prepare']!(open(kind))).rejects.toMatchObject({
        reason: 'unavailable',
        message: expect.stringMatching(words),
      });
    });
  });
});

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
