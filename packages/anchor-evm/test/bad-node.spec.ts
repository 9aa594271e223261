import { isDeepStrictEqual } from 'node:util';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EvmAnchor } from '@wattproof/anchor-evm';
import type { Attempt } from '@wattproof/core/spi';
import {
  AnchorWorld,
  attemptOf as attempt,
  intentOf as intent,
  signal,
} from './anvil/anchor-world.js';
import type { Anvil } from './anvil/anvil.js';
import type { Door, Interception } from './anvil/door.js';

let world: AnchorWorld;
let anvil: Anvil;

beforeAll(async () => {
  world = await AnchorWorld.start();
  ({ anvil } = world);
});
afterAll(() => world.stop());
afterEach(() => {
  anvil.intercept(undefined);
});

describe('a node that is not to be believed', () => {
  it('is asked again later when it answers nonsense, whatever the method, and none of it is believed', async () => {
    const { anchor } = world.anchorWith();
    const stated = world.anchorWith({ evidence: 'state' }).anchor;
    const called = world.anchorWith({ mode: 'calldata' }).anchor;
    const { key } = world.anchorWith();
    const fresh = () => world.anchorWith({ key, priorityFeeGwei: undefined }).anchor;
    const wanted = intent(1);
    const made = await world.publish(anchor, wanted);
    const [state, data] = [
      await world.publish(stated, wanted),
      await world.publish(called, wanted),
    ];
    const sender = world.anchorWith().anchor;
    const unsent = await attempt(sender, wanted);
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      quote: () => fresh().quote(wanted, signal),
      prepare: () => attempt(fresh(), wanted),
      broadcast: () => sender.broadcast(unsent, signal),
      observe: () => anchor.observe([made], signal),
      receipt: () => anchor.evidence(wanted, made, signal),
      state: () => stated.evidence(wanted, state, signal),
      calldata: () => called.evidence(wanted, data, signal),
      findExisting: () => anchor.findExisting(wanted, signal),
      latest: () => anchor.latest('test.example/log', signal),
    };
    const asks = new Map<string, Set<string>>();
    const sound = new Map<string, unknown>();
    for (const [name, operation] of Object.entries(operations)) {
      anvil.intercept((method) => void asks.set(method, (asks.get(method) ?? new Set()).add(name)));
      sound.set(name, await operation());
    }
    expect([...asks.keys()].toSorted()).toEqual([
      'eth_chainId',
      'eth_estimateGas',
      'eth_getBalance',
      'eth_getBlockByNumber',
      'eth_getBlockReceipts',
      'eth_getCode',
      'eth_getLogs',
      'eth_getProof',
      'eth_getRawTransactionByHash',
      'eth_getStorageAt',
      'eth_getTransactionByHash',
      'eth_getTransactionCount',
      'eth_getTransactionReceipt',
      'eth_maxPriorityFeePerGas',
      'eth_sendRawTransaction',
    ]);
    const nonsense = [{}, 'zz', [], 7, `0x${'f'.repeat(300)}`, [null], null, '0x'];
    const tried = process.env['WATTPROOF_NIGHTLY'] ? nonsense.length : 3;
    for (const [i, [method, names]] of [...asks].entries())
      for (let nth = 0; nth < tried; nth += 1) {
        const result = nonsense[nth === 0 ? 0 : (i + nth) % nonsense.length];
        anvil.intercept((asked) => (asked === method ? { result } : undefined));
        for (const name of names) {
          await anvil.rpc('anvil_dropAllTransactions');
          const outcome = await operations[name]!().catch((error: unknown) => error);
          // Nothing (null, no code, no list) is what a node says that knows nothing.
          if (result === null || result === '0x' || Array.isArray(result)) {
            if (outcome instanceof Error) expect(outcome).toHaveProperty('reason');
          } else if (!isDeepStrictEqual(outcome, sound.get(name)))
            expect([method, name, result, outcome]).toMatchObject([
              method,
              name,
              result,
              { reason: expect.stringMatching(/^(unavailable|not-found)$/) },
            ]);
        }
      }
    await anvil.rpc('anvil_dropAllTransactions');
  });

  it('writes no evidence from a block or receipts that the node made up', async () => {
    const { anchor } = world.anchorWith();
    const wanted = intent(1);
    const made = await world.publish(anchor, wanted);
    const lies: [string, (result: any) => unknown][] = [
      ['eth_getBlockByNumber', (block) => ({ ...block, receiptsRoot: `0x${'22'.repeat(32)}` })],
      ['eth_getBlockByNumber', (block) => ({ ...block, timestamp: '0x1' })],
      ['eth_getBlockReceipts', (all) => all.map((one: any) => ({ ...one, logs: [] }))],
      ['eth_getBlockReceipts', () => []],
      ['eth_getTransactionReceipt', (one) => ({ ...one, transactionHash: `0x${'33'.repeat(32)}` })],
      ['eth_getTransactionReceipt', (one) => ({ ...one, blockHash: `0x${'44'.repeat(32)}` })],
    ];
    for (const [method, lie] of lies) {
      anvil.intercept((asked, _params, { result }) =>
        asked === method ? { result: lie(result) } : undefined,
      );
      await expect(anchor.evidence(wanted, made, signal)).rejects.toMatchObject({
        reason: expect.stringMatching(/^(unavailable|not-found)$/),
      });
    }
    anvil.intercept((method, params) =>
      method === 'eth_getBlockByNumber' && String(params[0]).startsWith('0x')
        ? { result: null }
        : undefined,
    );
    expect(await anchor.observe([made], signal)).not.toMatchObject([{ status: 'final' }]);
  });
  it('does not make a transaction of ours a rival of itself when it forgets where it is', async () => {
    const { anchor } = world.anchorWith();
    const made = await world.publish(anchor, intent(1));
    anvil.intercept((method, [of]) =>
      /^eth_getTransaction(Receipt|ByHash)$/.test(method) && of === made.txId
        ? { result: null }
        : undefined,
    );
    // The account's nonce is used up, by this one: to call it conflicted would have a second one signed.
    expect(await anchor.observe([made], signal)).toEqual([{ txId: made.txId, status: 'seen' }]);
  });

  it('is not read to the end when it floods, and takes the call nowhere else', async () => {
    const flood = createServer((_request, response) => {
      const chunk = Buffer.alloc(1 << 20, 0x20);
      const pour = (): void => {
        while (!response.destroyed) if (!response.write(chunk)) return;
      };
      response.on('drain', pour);
      pour();
    });
    const elsewhere = createServer((_request, response) => {
      response.writeHead(307, { location: anvil.url }).end();
    });
    const urls = await Promise.all([flood, elsewhere].map(listen));
    for (const [i, why] of [/more than \d+ bytes/, /did not answer/].entries()) {
      const { anchor } = world.anchorWith({ rpc: { url: urls[i] } });
      await expect(anchor.latest('test.example/log', signal)).rejects.toMatchObject({
        reason: 'unavailable',
        message: expect.stringMatching(why),
      });
    }
    for (const server of [flood, elsewhere]) {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('several nodes', () => {
  let doors: readonly Door[];
  let anchor: EvmAnchor;
  let key: string;
  const wanted = intent(1);

  beforeAll(async () => {
    doors = await Promise.all([0, 1, 2].map(() => anvil.openDoor()));
  });
  beforeEach(() => {
    ({ anchor, key } = world.anchorWith({ rpc: doors.map(({ url }) => ({ url })) }));
  });
  afterEach(() => {
    for (const door of doors) {
      door.setDown(false);
      door.intercept(undefined);
      door.keep(undefined);
    }
  });

  const lie = (change: Interception, ...which: readonly number[]) => {
    for (const at of which) doors[at]?.intercept(change);
  };
  const otherBlock: Interception = (method, _params, { result }) =>
    method === 'eth_getBlockByNumber' && result !== null
      ? { result: { ...result, hash: `0x${'22'.repeat(32)}` } }
      : undefined;
  const observed = async (made: Attempt, by = anchor) => (await by.observe([made], signal))[0];

  it('go on while one of them is down, and wait while most are', async () => {
    doors[0]?.setDown(true);
    const made = await world.publish(anchor, wanted);
    expect(await observed(made)).toMatchObject({ status: 'included', inclusion: { depth: 1 } });
    await expect(anchor.evidence(wanted, made, signal)).resolves.toBeDefined();
    doors[1]?.setDown(true);
    expect(await anchor.health(signal)).toMatchObject({ ready: true });
    await expect(observed(made)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(
        /^No 2 of 3 nodes say the same of 0x\w+\. (127\.0\.0\.1:\d+: no answer; ){2}/,
      ),
    });
    doors[2]?.setDown(true);
    await expect(anchor.quote(wanted, signal)).rejects.toMatchObject({ reason: 'unavailable' });
  });

  it('outvote one that tells of another block, no block, more blocks or an earlier end', async () => {
    const made = await world.publish(anchor, wanted);
    const fewer: Interception = (method) =>
      method === 'eth_getTransactionReceipt' ? { result: null } : undefined;
    const more: Interception = (method, [at], { result }) =>
      method === 'eth_getBlockByNumber' && (at === 'latest' || at === 'finalized')
        ? { result: { ...result, number: '0xffffff' } }
        : undefined;
    for (const change of [otherBlock, fewer, more])
      for (const at of [0, 1, 2]) {
        lie(change, at);
        expect(await observed(made)).toMatchObject({ status: 'included', inclusion: { depth: 1 } });
        doors[at]?.intercept(undefined);
      }
    const deep = world.anchorWith({ key, rpc: rpcs(), finality: { depth: 2 } }).anchor;
    lie(more, 0);
    expect(await observed(made, deep)).toMatchObject({ status: 'included' });
    await anvil.mine();
    expect(await observed(made, deep)).toMatchObject({ status: 'final', inclusion: { depth: 2 } });
  });

  it('stop when there are as many liars as it takes', async () => {
    const made = await world.publish(anchor, wanted);
    lie(otherBlock, 0);
    doors[1]?.setDown(true);
    await expect(observed(made)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/No 2 of 3 nodes .*in no block; .*no answer; .*"height"/),
    });
  });

  it('believe nobody alone that a nonce is used up', async () => {
    const made = await attempt(anchor, wanted);
    const head = `0x${(await anvil.height()).toString(16)}`;
    // Old state is gone, it says, and the newest and the final one have a transaction with this nonce.
    const used: Interception = (method, [, at]) => {
      if (method !== 'eth_getTransactionCount') return undefined;
      return at === head || !String(at).startsWith('0x')
        ? { result: '0x1' }
        : { error: { code: -32_000, message: 'missing trie node' } };
    };
    lie(used, 0, 1);
    expect(await observed(made)).toHaveProperty('settled', true);
    doors[1]?.intercept(undefined);
    const seen = await observed(made);
    expect(seen).not.toHaveProperty('inclusion');
    expect(seen).not.toHaveProperty('settled');
  });

  it('get a transaction all, also when the first one keeps it for itself', async () => {
    const made = await attempt(anchor, wanted);
    doors[0]?.keep((method) => {
      if (method === 'eth_sendRawTransaction') return { result: made.txId };
      return method === 'eth_getTransactionByHash' ? { result: { hash: made.txId } } : undefined;
    });
    expect(await anchor.broadcast(made, signal)).toBe('accepted');
    await anvil.mine();
    expect(await observed(made)).toMatchObject({ status: 'included' });
  });

  it('are asked for evidence in turn when the first one makes it up', async () => {
    const made = await world.publish(anchor, wanted);
    lie(
      (method, _params, { result }) =>
        method === 'eth_getBlockReceipts'
          ? { result: result.map((one: object) => ({ ...one, logs: [] })) }
          : undefined,
      0,
    );
    await expect(anchor.evidence(wanted, made, signal)).rejects.toMatchObject({
      reason: 'unavailable',
    });
    await expect(anchor.evidence(wanted, made, signal)).resolves.toMatchObject({
      type: 'evm-receipt/1',
    });
  });

  it('do not count one of another chain', async () => {
    lie((method) => (method === 'eth_chainId' ? { result: '0x1' } : undefined), 0);
    const made = await world.publish(anchor, wanted);
    expect(await observed(made)).toMatchObject({ status: 'included' });
    doors[1]?.setDown(true);
    await expect(observed(made)).rejects.toMatchObject({
      message: expect.stringContaining('no answer'),
      cause: { message: expect.stringMatching(/serves chain 1, .* chainId 31337/) },
    });
  });

  const rpcs = () => doors.map(({ url }) => ({ url }));
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
