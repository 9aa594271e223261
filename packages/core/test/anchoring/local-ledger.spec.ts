import { transactionId } from '../../src/anchoring/local-ledger/block.js';
import localLedger, {
  type LocalBlock,
  LocalLedger,
  localLedgerVerifier,
  verifyLocalChain,
} from '../../src/anchoring/local-ledger/index.js';
import { describeAnchor } from '../../src/testing/describe-anchor.js';
import { suiteCommitment, suiteIntent } from '../../src/testing/anchor-suite/commitments.js';
import { seededRandom } from '../../src/testing/anchor-suite/seeded-random.js';
import { signal } from '../../src/testing/anchor-suite/suite-kit.js';
import { utf8 } from '../../src/verify/bytes.js';
import { blocksOf, ledgerSigner, localSuite, LocalLedgerWorld } from './local-ledger-world.js';

describeAnchor(localSuite);

describe('the local ledger', () => {
  it('charges 21000 gas a transaction and 68 a byte, as a record only', async () => {
    const world = await LocalLedgerWorld.open();
    const record = utf8('PREDICTION|101|household_12|0.1500|92|2024-12-30T15:30:00Z');
    await world.ledger().append([record]);
    const placed = await world.ledger().transaction(transactionId(record));
    expect(placed?.header.gas).toBe(24_944);
  });

  it('makes one chain out of many writers that meet', async () => {
    const world = await LocalLedgerWorld.open();
    const ledgers = Array.from({ length: 8 }, () => world.ledger());
    const random = seededRandom(7);
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        ledgers[Math.floor(random() * 8)]?.append([utf8(`record ${index % 30}`)]),
      ),
    );
    expect(await verifyLocalChain(await blocksOf(world), [world.signer.vkey])).toMatchObject({
      ok: true,
      blocks: 30,
      transactions: 30,
    });
  });

  it('commits a block of many records to each of them', async () => {
    const world = await LocalLedgerWorld.open();
    const records = Array.from({ length: 7 }, (_, index) => utf8(`record ${index}`));
    expect(await world.ledger().append(records)).toBe('accepted');
    expect(await world.ledger().append(records)).toBe('known');
    expect(await world.ledger().append([...records, utf8('one more')])).toBe('accepted');
    const verdict = await verifyLocalChain(await blocksOf(world), [world.signer.vkey]);
    expect(verdict).toMatchObject({ ok: true, blocks: 2, transactions: 8 });
  });

  it('does not let a clock set back make a block older than the one before', async () => {
    const world = await LocalLedgerWorld.open();
    await world.ledger().append([utf8('a')]);
    world.clock.ms -= 60_000;
    await world.ledger().append([utf8('b')]);
    expect((await verifyLocalChain(await blocksOf(world), [world.signer.vkey])).ok).toBe(true);
  });

  it.each([
    ['a missing block', 'chain_gap', (blocks: LocalBlock[]) => blocks.toSpliced(1, 1)],
    [
      'a block of another chain',
      'chain_broken',
      (blocks: LocalBlock[], other: LocalBlock[]) => blocks.toSpliced(1, 1, other[1] as LocalBlock),
    ],
    [
      'a changed record',
      'block_root',
      (blocks: LocalBlock[], other: LocalBlock[]) =>
        blocks.toSpliced(1, 1, {
          ...(blocks[1] as LocalBlock),
          records: (other[1] as LocalBlock).records,
        }),
    ],
    [
      'a dropped record',
      'block_count',
      (blocks: LocalBlock[]) =>
        blocks.toSpliced(1, 1, { ...(blocks[1] as LocalBlock), records: [] }),
    ],
    [
      'another signature',
      'block_signature',
      (blocks: LocalBlock[]) =>
        blocks.toSpliced(1, 1, {
          ...(blocks[1] as LocalBlock),
          signature: (blocks[0] as LocalBlock).signature,
        }),
    ],
    [
      'a changed time',
      'block_signature',
      (blocks: LocalBlock[]) => [
        ...blocks.slice(0, 2),
        {
          ...(blocks[2] as LocalBlock),
          header: (blocks[2] as LocalBlock).header.replace(
            /"timeMs":(\d+)/,
            '"timeMs":1800000000000',
          ),
        },
      ],
    ],
  ])('finds %s when the chain is recomputed', async (_what, code, tamper) => {
    const world = await LocalLedgerWorld.open();
    const other = await LocalLedgerWorld.open();
    for (const name of ['a', 'b', 'c']) {
      await world.ledger().append([utf8(name)]);
      await other.ledger().append([utf8(`other ${name}`)]);
    }
    const blocks = tamper(await blocksOf(world), await blocksOf(other));
    const keys = [world.signer.vkey, other.signer.vkey];
    expect(await verifyLocalChain(blocks, keys)).toMatchObject({ ok: false, code });
  });

  it('refuses a chain under a key that did not sign it', async () => {
    const world = await LocalLedgerWorld.open();
    await world.ledger().append([utf8('a')]);
    const verdict = await verifyLocalChain(await blocksOf(world), [ledgerSigner().vkey]);
    expect(verdict).toMatchObject({ ok: false, code: 'block_signature', number: 0 });
  });

  it('is of one log: a linked and signed block of another one does not go on', async () => {
    const world = await LocalLedgerWorld.open();
    await world.ledger().append([utf8('a')]);
    const other = ledgerSigner('other.test/log');
    const intruder = new LocalLedger('other.test/log', world.collections, other, world.clock);
    await intruder.append([utf8('b')]);
    const verdict = await verifyLocalChain(await blocksOf(world), [world.signer.vkey, other.vkey]);
    expect(verdict).toMatchObject({ ok: false, code: 'chain_origin', number: 1 });
  });
});

describe('evidence of the local ledger', () => {
  async function published() {
    const world = await LocalLedgerWorld.open();
    const anchor = localLedger.create({}, world.context());
    const intent = suiteIntent(suiteCommitment(1));
    const draft = await anchor.prepare(intent, [], { bump: 0, signal: signal() });
    const signed = await anchor.sign(intent, draft, signal());
    await anchor.broadcast(signed, signal());
    const attempt = {
      ...signed,
      intentId: intent.id,
      number: 0,
      state: 'seen',
      createdAtMs: 0,
    } as const;
    return { world, intent, evidence: await anchor.evidence(intent, attempt, signal()) };
  }

  it('says that it is self-asserted when nobody pinned the key', async () => {
    const { intent, evidence } = await published();
    const verdict = await localLedgerVerifier.verify(intent.commitment, evidence, {
      trustedKeys: [],
    });
    expect(verdict).toMatchObject({ ok: true, trust: 'operator' });
    expect(verdict.ok && verdict.statement).toContain('self-asserted');
  });

  it('says nothing of the sort under a pinned key', async () => {
    const { world, intent, evidence } = await published();
    const trustedKeys = [world.signer.vkey];
    const verdict = await localLedgerVerifier.verify(intent.commitment, evidence, { trustedKeys });
    expect(verdict.ok && verdict.statement).not.toContain('self-asserted');
  });

  it('is refused when another ledger key is pinned', async () => {
    const { intent, evidence } = await published();
    const trustedKeys = [ledgerSigner().vkey];
    const verdict = await localLedgerVerifier.verify(intent.commitment, evidence, { trustedKeys });
    expect(verdict).toMatchObject({ ok: false, code: 'evidence_wrong_key' });
  });

  it('is refused when it claims more trust than the operator has', async () => {
    const { intent, evidence } = await published();
    const claimed = { ...evidence, trust: 'spv-pow' } as const;
    const verdict = await localLedgerVerifier.verify(intent.commitment, claimed, {
      trustedKeys: [],
    });
    expect(verdict).toMatchObject({ ok: false, code: 'evidence_malformed' });
  });
});
