import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EvmAnchor } from '@wattproof/anchor-evm';
import verifiers from '@wattproof/anchor-evm/verify';
import type { AnchorIntent, Attempt, Evidence } from '@wattproof/core/spi';
import { computeAddress, encryptKeystoreJson, Transaction, Wallet } from 'ethers';
import {
  AnchorWorld,
  attemptOf as attempt,
  intentOf as intent,
  signal,
} from './anvil/anchor-world.js';
import type { Anvil } from './anvil/anvil.js';

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

const anchorWith = (options: object = {}) => world.anchorWith(options);
const publish = (anchor: EvmAnchor, wanted: AnchorIntent) => world.publish(anchor, wanted);

const headers = {
  header: async (ledger: string, { height }: { readonly height?: number }) =>
    height === undefined || ledger !== 'eip155:31337' ? undefined : anvil.header(height),
};
const check = (wanted: AnchorIntent, evidence: Evidence) =>
  verifiers
    .find(({ type }) => type === evidence.type)!
    .verify(wanted.commitment, evidence, { headers, trustedKeys: [] });

describe.each([
  ['evm-receipt/1', {}],
  ['evm-state/1', { evidence: 'state' }],
  ['evm-calldata/1', { mode: 'calldata' }],
])('evidence of type %s', (type, options) => {
  it('proves a commitment by a trusted header, and nothing once any field is changed', async () => {
    const { anchor } = anchorWith(options);
    const wanted = intent(3);
    // Others in the block, so that the tries have branches.
    const neighbours = Array.from({ length: 3 }, () => anchorWith(options).anchor);
    for (const [i, other] of neighbours.entries())
      await other.broadcast(await attempt(other, intent(5 + i)), signal);
    const made = await publish(anchor, wanted);
    const evidence = await anchor.evidence(wanted, made, signal);
    expect(evidence).toMatchObject({ type, ledger: 'eip155:31337', trust: 'light-client' });
    expect(await check(wanted, evidence)).toMatchObject({ ok: true, trust: 'light-client' });
    expect(await check(intent(3, 'b'), evidence)).toMatchObject({ ok: false });
    expect(await check(wanted, { ...evidence, ledger: 'eip155:1' })).not.toMatchObject({
      trust: 'light-client',
    });
    for (const [field, value] of Object.entries(evidence.body)) {
      const changes: unknown[] =
        typeof value === 'number'
          ? [value + 1, -1, 0.5, String(value)]
          : typeof value === 'string'
            ? [flip(value), `${value}00`, value.slice(2), value.toUpperCase(), '', null]
            : [[], [...(value as string[]), '80'], (value as string[]).map(flip), ['c0'], null];
      for (const change of changes) {
        if (JSON.stringify(change) === JSON.stringify(value)) continue;
        const body = { ...evidence.body, [field]: change as string };
        const { ok } = await check(wanted, { ...evidence, body });
        expect({ field, change, ok }).toEqual({ field, change, ok: false });
      }
      const { [field]: _gone, ...less } = evidence.body;
      expect((await check(wanted, { ...evidence, body: less })).ok).toBe(false);
    }
    const more = { ...evidence.body, extra: 1 };
    expect((await check(wanted, { ...evidence, body: more })).ok).toBe(false);

    expect(await anchor.latest('test.example/log', signal)).toEqual({
      size: 3n,
      digest: Uint8Array.from(wanted.commitment.digest),
    });
    expect(await anchor.findExisting(wanted, signal)).toMatchObject({
      txId: made.txId,
      signed: made.signed,
      fee: made.fee,
      conflictKey: made.conflictKey,
    });
    expect(await anchor.findExisting(intent(4), signal)).toBeUndefined();
  });
});

describe('an anchor on an EVM chain', () => {
  it('raises tip and fee by an eighth to replace itself, until a cap says no', async () => {
    const { anchor } = anchorWith({ maxPriorityFeeGwei: 1.2 });
    const first = await attempt(anchor, intent(1));
    const second = await attempt(anchor, intent(1), [first]);
    const [a, b] = [first, second].map(({ signed }) => Transaction.from(hexOf(signed)));
    expect(b!.nonce).toBe(a!.nonce);
    expect(b!.maxPriorityFeePerGas).toBe((a!.maxPriorityFeePerGas! * 9n + 7n) / 8n);
    expect(b!.maxFeePerGas! * 8n).toBeGreaterThanOrEqual(a!.maxFeePerGas! * 9n);
    await expect(attempt(anchor, intent(1), [first, second])).rejects.toMatchObject({
      reason: 'capped',
      message: expect.stringMatching(/maxPriorityFeeGwei/),
    });
    await anchor.broadcast(first, signal);
    expect(await anchor.broadcast(second, signal)).toBe('accepted');
    await expect(anchor.broadcast(first, signal)).rejects.toMatchObject({ reason: 'underpriced' });
    await anvil.mine();
    const [lost, won] = await anchor.observe([first, second], signal);
    expect(lost).toMatchObject({ status: 'conflicted', conflictsWith: second.txId });
    expect(lost?.inclusion?.depth).toBe(1);
    expect(won?.status).toBe('included');
    const paid = BigInt(won?.inclusion?.feePaid ?? 0);
    expect(paid).toBeGreaterThan(0n);
    expect(paid).toBeLessThan(second.fee.amount);
    await expect(anchor.broadcast(first, signal)).rejects.toMatchObject({ reason: 'conflict' });
  });

  it('waits while a transaction of its account waits', async () => {
    const { anchor } = anchorWith();
    await anchor.broadcast(await attempt(anchor, intent(1)), signal);
    await expect(attempt(anchor, intent(2))).rejects.toMatchObject({ reason: 'conflict' });
    await anvil.mine();
    expect((await attempt(anchor, intent(2))).conflictKey).toMatch(/\/1$/);
  });

  it('is final by the tag it is told, and a block is not final before', async () => {
    const { anchor, key } = anchorWith({ finality: 'finalized' });
    const deep = anchorWith({ key, finality: { depth: 2 } }).anchor;
    const made = await publish(anchor, intent(1));
    expect(await anchor.observe([made], signal)).toMatchObject([{ status: 'included' }]);
    await anvil.mine();
    expect(await deep.observe([made], signal)).toMatchObject([{ status: 'final' }]);
    await anvil.mine(2);
    expect(await anchor.observe([made], signal)).toMatchObject([{ status: 'final' }]);
  });

  it('says of a layer-2 block that it is the operator’s word until layer 1 has it', async () => {
    const { anchor } = anchorWith({ layer: 2 });
    const wanted = intent(1);
    const made = await publish(anchor, wanted);
    const early = await anchor.evidence(wanted, made, signal);
    expect(await check(wanted, early)).toMatchObject({ ok: true, trust: 'operator' });
    await anvil.mine(3);
    const late = await anchor.evidence(wanted, made, signal);
    expect(await check(wanted, late)).toMatchObject({ ok: true, trust: 'light-client' });
  });

  it('gives up a nonce that somebody else used, also when the node has forgotten who', async () => {
    const { anchor, key } = anchorWith();
    const made = await attempt(anchor, intent(1));
    const thief = new Wallet(key);
    const other = await thief.signTransaction({
      type: 2,
      chainId: 31_337,
      nonce: 0,
      to: thief.address,
      gasLimit: 21_000,
      maxFeePerGas: 5_000_000_000n,
      maxPriorityFeePerGas: 1_000_000_000n,
    });
    const txId = await anvil.rpc<string>('eth_sendRawTransaction', other);
    await anvil.mine(4);
    expect(await anchor.observe([made], signal)).toMatchObject([
      { status: 'conflicted', conflictsWith: txId, inclusion: { depth: 4 } },
    ]);
    const pruned = { error: { code: -32_000, message: 'missing trie node' } };
    anvil.intercept((method, [, at]) =>
      method === 'eth_getTransactionCount' && String(at).startsWith('0x') && at !== latest
        ? pruned
        : undefined,
    );
    const latest = `0x${(await anvil.height()).toString(16)}`;
    const [seen] = await anchor.observe([made], signal);
    expect(seen).toMatchObject({ status: 'conflicted', inclusion: { depth: 3 } });
    expect(seen).not.toHaveProperty('conflictsWith');
  });

  it('takes a reverted transaction for what it is: a nonce used up and nothing published', async () => {
    const { anchor, key } = anchorWith();
    const made = await attempt(anchor, intent(1));
    const gas = Transaction.from(hexOf(made.signed));
    const poor = await new Wallet(key).signTransaction({
      type: 2,
      chainId: 31_337,
      nonce: 0,
      to: gas.to,
      data: gas.data,
      gasLimit: 30_000,
      maxFeePerGas: gas.maxFeePerGas,
      maxPriorityFeePerGas: gas.maxPriorityFeePerGas,
    });
    const txId = await anvil.rpc<string>('eth_sendRawTransaction', poor);
    await anvil.mine();
    const reverted: Attempt = { ...made, txId, signed: bytesOf(poor) };
    expect(await anchor.observe([reverted], signal)).toMatchObject([
      { status: 'conflicted', conflictsWith: txId, inclusion: { depth: 1 } },
    ]);
    await expect(anchor.evidence(intent(1), reverted, signal)).rejects.toMatchObject({
      reason: 'rejected',
    });
  });

  it('pays nothing for a size that its log has left behind', async () => {
    const { anchor } = anchorWith();
    await publish(anchor, intent(5));
    await expect(attempt(anchor, intent(4))).rejects.toMatchObject({
      reason: 'rejected',
      message: expect.stringMatching(/holds size 5 .* a log only grows/),
    });
    await expect(attempt(anchor, intent(5, 'other'))).rejects.toMatchObject({ reason: 'rejected' });
  });

  it('finds its event in pieces when the node limits the range', async () => {
    const { anchor } = anchorWith();
    const made = await publish(anchor, intent(1));
    // As if 5,000 blocks had come since, of which the node lets one search 1,000 at a time.
    const head = (await anvil.height()) + 5_000;
    const searched: number[] = [];
    anvil.intercept((method, [first], { result }) => {
      if (method === 'eth_getBlockByNumber' && first === 'latest')
        return { result: { ...result, number: `0x${head.toString(16)}` } };
      if (method !== 'eth_getLogs') return undefined;
      const { fromBlock, toBlock } = first as { fromBlock: string; toBlock: string };
      const range = Number(toBlock) - Number(fromBlock) + 1;
      if (range > 1_000)
        return { error: { code: -32_005, message: 'block range limited to 1000' } };
      searched.push(range);
      return Number(fromBlock) > head - 5_000 ? { result: [] } : undefined;
    });
    expect((await anchor.findExisting(intent(1), signal))?.txId).toBe(made.txId);
    expect(searched.length).toBeGreaterThan(4);
  });

  it('signs with a keystore, and with a service whose signature it checks', async () => {
    const { key } = anchorWith();
    const address = computeAddress(key).toLowerCase();
    const wallet = { address: computeAddress(key), privateKey: key };
    const json = await encryptKeystoreJson(wallet, 'secret', { scrypt: { N: 2, r: 1, p: 1 } });
    const kept = anchorWith({ keystore: { json, password: 'secret' } }).anchor;
    const signed = await attempt(kept, intent(1));

    let lie: false | 'other' | 'none' = false;
    const service = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        const { from: _from, gas, ...asked } = JSON.parse(text).params[0];
        const transaction = { ...asked, gasLimit: gas, type: 2, ...(lie ? { nonce: 7 } : {}) };
        void new Wallet(key)
          .signTransaction(transaction)
          .then((signed) => (lie === 'none' ? '0x02c0' : signed))
          .then((result) => response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result })));
      });
    });
    await new Promise<void>((resolve) => {
      service.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const remote = anchorWith({ signer: { url, address } }).anchor;
    const there = await attempt(remote, intent(1));
    expect(there.txId).toBe(signed.txId);
    for (lie of ['other', 'none'] as const)
      await expect(attempt(remote, intent(1))).rejects.toMatchObject({
        reason: 'unavailable',
        message: expect.stringContaining('Check signer.url'),
      });
    service.closeAllConnections();
    await new Promise((resolve) => {
      service.close(resolve);
    });
    const wrong = anchorWith({ keystore: { json, password: 'wrong' } }).anchor;
    await expect(attempt(wrong, intent(1))).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/keystore.password/),
    });
  });

  it('calls itself not ready, and says why, when there is nothing it could use', async () => {
    const empty = `0x${'11'.repeat(20)}`;
    const cases = [
      [{ chainId: 1 }, /serves chain 31337.*chainId 1/],
      [{ registry: empty }, /no contract at 0x1111.*deploy-registry/],
      [{ registry: '0x4e59b44847b379578588920cA78FbF26c0B4956C' }, /not the checkpoint registry/],
    ] as const;
    for (const [options, why] of cases) {
      const { anchor } = anchorWith(options);
      expect(await anchor.health(signal)).toMatchObject({
        ready: false,
        detail: expect.stringMatching(why),
      });
      await expect(attempt(anchor, intent(1))).rejects.toMatchObject({ reason: 'unavailable' });
    }
    const { anchor } = anchorWith({ key: `0x${'ab'.repeat(32)}` });
    await expect(attempt(anchor, intent(1))).rejects.toMatchObject({
      reason: 'insufficient-funds',
      message: expect.stringMatching(/has 0 wei .* Send funds/),
    });
  });
});

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.slice(2), 'hex'));

/** Changes one hex digit in the middle. */
function flip(text: string): string {
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
}
