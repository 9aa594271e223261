import { createHash } from 'node:crypto';
import plugin, { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { Anchor, AnchorIntent, Attempt, Evidence, PluginContext } from '@wattproof/core/spi';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

const signal = new AbortController().signal;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const context: PluginContext = {
  instanceId: 'bitcoin',
  origin: 'test',
  logger: silent,
  clock: { nowMs: () => 0 },
};

let regtest: Regtest;
let anchor: Anchor;

function intent(name: string): AnchorIntent {
  const digest = createHash('sha256').update(name).digest();
  return {
    id: digest.toString('hex'),
    anchor: 'bitcoin',
    commitment: { origin: 'test', size: 1n, root: new Uint8Array(32), digest },
    createdAtMs: 0,
  };
}

async function publish(wanted: AnchorIntent): Promise<Attempt> {
  const draft = await anchor.prepare(wanted, [], { bump: 0, signal });
  const signed = await anchor.sign(wanted, draft, signal);
  expect(await anchor.broadcast(signed, signal)).toBe('accepted');
  return { ...signed, intentId: wanted.id, number: 0, state: 'broadcast', createdAtMs: 0 };
}

const headers = {
  header: async (_ledger: string, { height }: { readonly height?: number }) =>
    height === undefined ? undefined : regtest.header(height),
};

beforeAll(async () => {
  regtest = await Regtest.start();
  anchor = plugin.create(
    BitcoinConfig.parse({
      network: 'regtest',
      rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
      wif: regtestKey(0),
      confirmations: 3,
    }),
    context,
  );
  await regtest.fund(regtestWallet(0).script);
});
afterAll(async () => {
  await regtest.stop();
});

describe('a commitment on a Bitcoin chain', () => {
  it('goes from mempool to block to final, and verifies from headers alone', async () => {
    const wanted = intent('walk');
    const attempt = await publish(wanted);
    expect(await anchor.broadcast(attempt, signal)).toBe('known');
    expect(await anchor.observe([attempt], signal)).toEqual([
      { txId: attempt.txId, status: 'seen' },
    ]);

    await regtest.mine(1);
    const [included] = await anchor.observe([attempt], signal);
    expect(included).toMatchObject({
      status: 'included',
      inclusion: { height: await regtest.height(), depth: 1 },
    });
    const evidence = await anchor.evidence(wanted, attempt, signal);
    expect(
      await opReturnVerifier.verify(wanted.commitment, evidence, { headers, trustedKeys: [] }),
    ).toMatchObject({ ok: true, trust: 'spv-pow' });
    expect(
      await opReturnVerifier.verify(wanted.commitment, evidence, { trustedKeys: [] }),
    ).toMatchObject({ ok: true, trust: 'operator' });

    await regtest.mine(2);
    expect(await anchor.observe([attempt], signal)).toMatchObject([
      { status: 'final', inclusion: { depth: 3 } },
    ]);
  });

  it('is refused for another commitment, another chain, and after a change of any field', async () => {
    const wanted = intent('tamper');
    const attempt = await publish(wanted);
    await regtest.mine(1);
    const evidence = await anchor.evidence(wanted, attempt, signal);
    const given = { headers, trustedKeys: [] };
    expect(
      await opReturnVerifier.verify(intent('other').commitment, evidence, given),
    ).toMatchObject({ ok: false, code: 'commitment_not_in_transaction' });
    const elsewhere = { header: async () => new Uint8Array(80) };
    expect(
      await opReturnVerifier.verify(wanted.commitment, evidence, {
        headers: elsewhere,
        trustedKeys: [],
      }),
    ).toMatchObject({ ok: false, code: 'header_not_on_chain' });

    for (const [field, value] of Object.entries(evidence.body)) {
      const changes: unknown[] =
        typeof value === 'number'
          ? [value + 1, -1, 1.5]
          : typeof value === 'string'
            ? [flip(value), `${value}00`, value.slice(2), '']
            : [[], [...(value as string[]), '00'.repeat(32)], (value as string[]).map(flip)];
      for (const change of changes) {
        if (JSON.stringify(change) === JSON.stringify(value)) continue;
        const mutant: Evidence = {
          ...evidence,
          body: { ...evidence.body, [field]: change as string },
        };
        const verdict = await opReturnVerifier.verify(wanted.commitment, mutant, given);
        expect({ field, change, ok: verdict.ok }).toEqual({ field, change, ok: false });
      }
    }
    const more: Evidence = { ...evidence, body: { ...evidence.body, extra: 1 } };
    expect(await opReturnVerifier.verify(wanted.commitment, more, given)).toMatchObject({
      ok: false,
      code: 'evidence_malformed',
    });
  });

  it('is missing after a reorganisation, and the same bytes bring it back', async () => {
    const wanted = intent('reorg');
    const attempt = await publish(wanted);
    await regtest.mine(1);
    await regtest.reorganise(1);
    expect(await anchor.observe([attempt], signal)).toEqual([
      { txId: attempt.txId, status: 'missing' },
    ]);
    await expect(anchor.evidence(wanted, attempt, signal)).rejects.toMatchObject({
      reason: 'not-found',
    });
    expect(await anchor.broadcast(attempt, signal)).toBe('accepted');
    await regtest.mine(3);
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'final' }]);
  });

  it('waits while an earlier anchor spends the wallet’s coin, and never competes with it', async () => {
    const first = await publish(intent('first'));
    await expect(anchor.prepare(intent('second'), [], { bump: 0, signal })).rejects.toMatchObject({
      reason: 'conflict',
    });
    await regtest.mine(1);
    const second = await anchor.prepare(intent('second'), [], { bump: 0, signal });
    expect(second.conflictKey).toBe(`${first.txId}:1`);
  });

  it('keeps the conflict key of an attempt that may still win', async () => {
    const wanted = intent('held');
    const attempt = await publish(wanted);
    expect((await anchor.prepare(wanted, [attempt], { bump: 1, signal })).conflictKey).toBe(
      attempt.conflictKey,
    );
    await regtest.mine(1);
  });

  it('is found again through the chain of change when the database is lost', async () => {
    const wanted = intent('walk');
    const found = await anchor.findExisting!(wanted, signal);
    expect(found).toBeDefined();
    const attempt: Attempt = {
      ...found!,
      intentId: wanted.id,
      number: 0,
      state: 'broadcast',
      createdAtMs: 0,
    };
    expect(await anchor.observe([attempt], signal)).toMatchObject([{ status: 'final' }]);
    expect(found!.fee.amount).toBe(306n);
    expect(await anchor.findExisting!(intent('never published'), signal)).toBeUndefined();
  });

  it('names the winner when another transaction spends its coin', async () => {
    const [loser, winner] = [intent('loser'), intent('winner')];
    const draft = await anchor.prepare(loser, [], { bump: 0, signal });
    const lost = await anchor.sign(loser, draft, signal);
    const won = await publish(winner);
    expect(won.conflictKey).toBe(lost.conflictKey);
    await expect(anchor.broadcast(lost, signal)).rejects.toMatchObject({ reason: 'underpriced' });
    const attempt: Attempt = {
      ...lost,
      intentId: loser.id,
      number: 0,
      state: 'broadcast',
      createdAtMs: 0,
    };
    expect(await anchor.observe([attempt], signal)).toEqual([
      { txId: lost.txId, status: 'missing' },
    ]);
    await regtest.mine(1);
    await expect(anchor.broadcast(lost, signal)).rejects.toMatchObject({ reason: 'conflict' });
    expect(await anchor.observe([attempt], signal)).toMatchObject([
      { status: 'conflicted', conflictsWith: won.txId, inclusion: { depth: 1 } },
    ]);
  });

  it('is not made above the cap', async () => {
    await expect(
      anchor.prepare(intent('dear'), [], { bump: 0, maxFee: 100n, signal }),
    ).rejects.toMatchObject({ reason: 'capped' });
  });

  it('tells a node that is down from one that refuses', async () => {
    await regtest.setDown(true);
    await expect(anchor.quote(intent('down'), signal)).rejects.toMatchObject({
      reason: 'unavailable',
    });
    expect(await anchor.health(signal)).toMatchObject({ live: true, ready: false });
    await regtest.setDown(false);
    expect(await anchor.health(signal)).toMatchObject({ ready: true });
  });
});

/** Changes one hex digit in the middle. */
function flip(text: string): string {
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
}
