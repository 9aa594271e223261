import { verifyEcdsa } from '../../src/verify/ecdsa.js';
import { verifyEntrySignature } from '../../src/verify/entry-signature.js';
import {
  chainProofText,
  envelopeMessage,
  readChainProof,
  verifyChain,
  type ChainLink,
} from '../../src/verify/envelopes/index.js';
import { StoreUnavailable } from '../../src/stores/store.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { ReportDraft } from '../../src/verify/proof-report.js';
import { ChainingDevice } from './chaining-device.js';
import { openFixture, type Fixture } from './ingestion-fixture.js';

const NOW = Date.parse('2025-12-03T04:30:00Z');
const ZEROS = new Uint8Array(32);

async function answersOf(fixture: Fixture, envelope: object): Promise<readonly string[]> {
  const answer = await fixture.send(envelope);
  if (answer.kind === 'refused') return [answer.code];
  if (answer.kind !== 'items') return [answer.kind];
  return answer.items.map(({ reason, verdict }) => reason ?? verdict);
}

describe.each(['Ed25519', 'ES256'] as const)('A chain of batches signed with %s', (alg) => {
  const device = new ChainingDevice('M-7', alg);
  const first = device.link(0, 3, ZEROS, NOW);
  const second = device.link(3, 2, first.hash, NOW);
  const third = device.link(5, 1, second.hash, NOW);
  const open = () =>
    openFixture({
      nowMs: NOW,
      meters: [device.stored()],
      config: { time: { maxAgeMs: 'none' } },
    });

  it('is taken in its order; what comes too early is told what the chain ends with', async () => {
    const fixture = await open();
    expect(await answersOf(fixture, second.envelope)).toEqual(['chain_gap', 'chain_gap']);
    expect(await answersOf(fixture, first.envelope)).toEqual(Array(3).fill('accepted'));
    const early = await fixture.send(third.envelope);
    expect(early.kind === 'items' && early.items[0]?.detail).toContain('ends at reading 2');
    expect(await answersOf(fixture, second.envelope)).toEqual(Array(2).fill('accepted'));
    expect(await answersOf(fixture, second.envelope)).toEqual(Array(2).fill('duplicate'));
    expect(await answersOf(fixture, third.envelope)).toEqual(['accepted']);
  });

  it('is taken again after a crash between the chain and the readings', async () => {
    let isDown = true;
    const fixture = await openFixture({
      nowMs: NOW,
      meters: [device.stored()],
      config: { time: { maxAgeMs: 'none' } },
      wrap: (store) => ({
        commit: async (...parameters) => {
          if (isDown) throw new StoreUnavailable('cut');
          return store.commit(...parameters);
        },
      }),
    });
    expect(await answersOf(fixture, first.envelope)).toEqual(['retry']);
    isDown = false;
    expect(await answersOf(fixture, first.envelope)).toEqual(Array(3).fill('accepted'));
    expect(await answersOf(fixture, second.envelope)).toEqual(Array(2).fill('accepted'));
  });

  it('has one batch for each number: a fork is refused', async () => {
    const fixture = await open();
    await fixture.send(first.envelope);
    await fixture.send(second.envelope);
    const fork = device.link(3, 1, first.hash, NOW, { import_kwh: '9' });
    expect(await answersOf(fixture, fork.envelope)).toEqual(['chain_fork']);
    expect(await fixture.counted()).toBe(5);
  });

  it('that forks freezes its meter with the proof of it in the log, once for each fork', async () => {
    const fixture = await open();
    const { meters, entries } = fixture.store;
    const suspension = async () => (await meters.get('M-7'))?.mintingSuspended;
    const said = async () =>
      (await entries.list({ type: 'audit', limit: 10 })).items.map(
        ({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).detail,
      );
    await fixture.send(first.envelope);
    await fixture.send(second.envelope);
    expect(await suspension()).toBeUndefined();
    const fork = device.link(3, 1, first.hash, NOW, { import_kwh: '9' });
    await Promise.all([fixture.send(fork.envelope), fixture.send(fork.envelope)]);
    const batch = Buffer.from(fork.hash).toString('hex');
    expect(await suspension()).toEqual({ reason: 'chain_fork', batch, atMs: NOW });
    const [detail, ...more] = await said();
    expect(more).toEqual([]);
    expect(detail).toMatchObject({ reason: 'chain_fork', batch });
    const report = verifyChain(readChainProof(detail.evidence), {
      publicKey: device.spki,
      ecdsa: verifyEcdsa,
    });
    expect(report.failures.map(({ code }) => code)).toEqual(['chain_fork', 'chain_broken']);

    await meters.resumeMinting('M-7', unjournaled);
    expect(await answersOf(fixture, fork.envelope)).toEqual(['chain_fork']);
    expect(await suspension()).toBeUndefined();
    const third = device.link(4, 1, first.hash, NOW, { import_kwh: '8' });
    expect(await answersOf(fixture, third.envelope)).toEqual(['chain_fork']);
    expect(await suspension()).toMatchObject({ reason: 'chain_fork' });
    expect(await said()).toHaveLength(2);
  });

  it('is told of what it lacks before anything is looked up', async () => {
    const fixture = await open();
    const { signature, ...unsigned } = first.envelope;
    expect(await answersOf(fixture, unsigned)).toEqual(['envelope_incomplete']);
    const wrong: readonly (readonly [object, string])[] = [
      [{ last: 3 }, 'batch_chain_invalid'],
      [{ first: 1, last: 3 }, 'batch_chain_invalid'],
      [{ first: -1 }, 'batch_chain_invalid'],
      [{ first: '0' }, 'batch_chain_invalid'],
      [{ first: 0.5 }, 'batch_chain_invalid'],
      [{ previous: 'AB'.repeat(32) }, 'batch_chain_invalid'],
      [{ previous: undefined }, 'batch_chain_invalid'],
      [{ format: 'batch/1' }, 'envelope_unknown_field'],
      [{ previous: 'ab'.repeat(32) }, 'signature_invalid'],
    ];
    for (const [change, code] of wrong) {
      const codes = await answersOf(fixture, { ...first.envelope, ...change });
      expect([change, new Set(codes)]).toEqual([change, new Set([code])]);
    }
    expect(signature.alg).toBe(alg);
  });

  it('proves that no reading is missing, and tells what is', () => {
    const { spki: publicKey } = device;
    const prove = (batches: readonly ChainLink[]) =>
      verifyChain(readChainProof(chainProofText({ alg, publicKey, batches })), {
        publicKey,
        ecdsa: verifyEcdsa,
      });
    const codes = (batches: readonly ChainLink[]) =>
      prove(batches).failures.map(({ code }) => code);
    const all = [first.link, second.link, third.link];
    expect(prove(all)).toEqual({
      ok: true,
      keyId: device.keyId,
      first: 0n,
      last: 5n,
      failures: [],
    });
    expect(prove([second.link, third.link])).toMatchObject({ ok: true, first: 3n, last: 5n });
    expect(prove([first.link, third.link]).failures).toEqual([
      { code: 'chain_gap', text: 'readings 3 … 4 are missing' },
      { code: 'chain_broken', text: 'batch 5 … 5 does not follow the batch before it' },
    ]);
    expect(codes([])).toEqual(['chain_empty']);
    expect(codes([second.link, first.link])).toContain('chain_fork');
    const begun = device.link(3, 2, ZEROS, NOW);
    expect(codes([first.link, begun.link])).toEqual(['chain_broken']);
    const changed = { ...second.link, last: 5n };
    expect(codes([first.link, changed])).toContain('signature_invalid');
    const other = new ChainingDevice('M-8', alg);
    expect(
      verifyChain({ alg, publicKey: other.spki, batches: all }, { publicKey }).failures[0]?.code,
    ).toBe('key_mismatch');
    expect(verifyChain({ alg, publicKey: publicKey.subarray(1), batches: all }).ok).toBe(false);
  });

  it('is shown by each of its readings, whose proof says where it stands', async () => {
    const fixture = await open();
    await fixture.send(first.envelope);
    const { items } = await fixture.store.entries.list({ limit: 10 });
    for (const { signature, format, bytes, logHash: hash } of items) {
      const report = new ReportDraft();
      const options = { ecdsa: verifyEcdsa, envelopes: envelopeMessage };
      verifyEntrySignature(signature!, { format, bytes, logHash: hash }, report, options);
      expect(report.finish('operator').proven.map(({ code }) => code)).toEqual([
        'device_signature',
      ]);
      const moved = { ...signature!, batch: { ...signature!.batch!, count: 4 } };
      const wrong = new ReportDraft();
      verifyEntrySignature(moved, { format, bytes, logHash: hash }, wrong, options);
      expect(wrong.failed).toBe(true);
    }
  });
});
