import { createHash } from 'node:crypto';
import * as ecc from '@bitcoinerlab/secp256k1';
import plugin, { bitcoinAnchorWith, BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { opReturnVerifier, taprootVerifier } from '@wattproof/anchor-bitcoin/verify';
import type { Anchor, AnchorIntent, Attempt, Evidence } from '@wattproof/core/spi';
import { crypto, networks, payments, Psbt, Transaction } from 'bitcoinjs-lib';
import { ECPairFactory } from 'ecpair';
import { commitmentRoot, taprootScript } from '../src/verify/taproot-output.js';
import { EsploraFacade } from './backends/esplora-facade.js';
import { type MemoryCollections, memoryCollections } from './calendars/memory-collections.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

const signal = new AbortController().signal;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

let regtest: Regtest;
let keys = 0;

beforeAll(async () => {
  regtest = await Regtest.start();
});
afterAll(async () => {
  await regtest?.stop();
});

const contextOf = (collections?: MemoryCollections) => ({
  instanceId: 'bitcoin',
  origin: 'test',
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  clock: { nowMs: () => 0 },
  ...(collections ? { collections } : {}),
});

const chainConfig = () => ({
  network: 'regtest' as const,
  rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
  address: 'p2tr' as const,
  commitment: 'taproot' as const,
  confirmations: 1,
});

/** A wallet that nobody used before, with these coins; `open` starts its anchor with what it remembers. */
async function funded(...valuesSat: readonly number[]) {
  const index = 5_000 + keys;
  keys += 1;
  const wallet = regtestWallet(index, 'p2tr', 'taproot');
  await regtest.pay(wallet.script, ...valuesSat);
  const wif = regtestKey(index);
  const open = (collections: MemoryCollections): Anchor =>
    plugin.create(BitcoinConfig.parse({ ...chainConfig(), wif }), contextOf(collections));
  return { wallet, wif, open, collections: memoryCollections() };
}

function intent(name: string): AnchorIntent {
  const digest = createHash('sha256').update(name).digest();
  return {
    id: digest.toString('hex'),
    anchor: 'bitcoin',
    commitment: { origin: 'test', size: 1n, root: new Uint8Array(32), digest },
    createdAtMs: 0,
  };
}

async function signed(anchor: Anchor, wanted: AnchorIntent): Promise<Attempt> {
  const draft = await anchor.prepare(wanted, [], { bump: 0, signal });
  const attempt = await anchor.sign(wanted, draft, signal);
  return { ...attempt, intentId: wanted.id, number: 0, state: 'broadcast', createdAtMs: 0 };
}

async function published(anchor: Anchor, wanted: AnchorIntent): Promise<Attempt> {
  const attempt = await signed(anchor, wanted);
  await anchor.broadcast(attempt, signal);
  await regtest.mine(1);
  return attempt;
}

const headers = {
  header: async (_ledger: string, { height }: { readonly height?: number }) =>
    height === undefined ? undefined : regtest.header(height),
};

describe('a taproot output that commits', () => {
  // scriptPubKey cases 0, 1 and 2 of wallet-test-vectors.json (BIP-341): no script, one leaf, one leaf.
  it.each([
    [
      'd6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d',
      '',
      '53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343',
    ],
    [
      '187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27',
      '5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21',
      '147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3',
    ],
    [
      '93478e9488f956df2396be2ce6c5cced75f900dfa18e7dabd2428aae78451820',
      'c525714a7f49c28aedbbba78c005931a81c234b2f6c99a73e4d06082adc8bf2b',
      'e4d810fd50586274face62b8a807eb9719cef49c04177cc6b76a9a4251d5450e',
    ],
  ])('is the one of BIP-341 for internal key %s', async (key, root, output) => {
    const script = await taprootScript(bytesOf(key), bytesOf(root));
    expect(hexOf(script!)).toBe(`5120${output}`);
  });

  it('is the one that another implementation locks by the same tree', async () => {
    for (const name of ['a', 'b', 'c']) {
      const wallet = regtestWallet(1, 'p2tr', 'taproot');
      const { digest } = intent(name).commitment;
      const leaf = { output: Uint8Array.of(0x6a, 32, ...digest) };
      const other = payments.p2tr({ internalPubkey: wallet.internalKey, scriptTree: leaf });
      expect(hexOf((await taprootScript(wallet.internalKey, commitmentRoot(digest)))!)).toBe(
        hexOf(other.output!),
      );
      expect(hexOf(wallet.scriptOf(digest))).toBe(hexOf(other.output!));
    }
  });

  it('is none for what is no key', async () => {
    expect(await taprootScript(new Uint8Array(32), new Uint8Array(32))).toBeUndefined();
    expect(await taprootScript(new Uint8Array(33).fill(2))).toBeUndefined();
    expect(await taprootScript(new Uint8Array(32).fill(0xff))).toBeUndefined();
  });
});

describe('an anchor in the tweak of its key', () => {
  it('is one input and one output of 111 vbytes, at an address of its own, and leads to the next', async () => {
    const { wallet, open, collections } = await funded(100_000);
    const anchor = open(collections);
    const first = await published(anchor, intent('first'));
    const second = await published(anchor, intent('second'));
    const { ins, outs, ...made } = Transaction.fromBuffer(second.signed);
    expect([ins.length, outs.length]).toEqual([1, 1]);
    expect(Transaction.fromBuffer(second.signed).virtualSize()).toBe(111);
    expect(made.locktime).toBeGreaterThan(0);
    expect(second.fee.amount).toBe(222n);
    expect(second.conflictKey).toBe(`${first.txId}:0`);
    expect(hexOf(outs[0]!.script)).toBe(hexOf(wallet.scriptOf(intent('second').commitment.digest)));
    expect(await anchor.quote(intent('third'), signal)).toMatchObject({
      fee: { amount: 222n },
      balance: 100_000n - 444n,
    });
  });

  it('joins a coin sent to the address when the change runs low', async () => {
    const { wallet, open, collections } = await funded(700);
    const anchor = open(collections);
    const first = await published(anchor, intent('low'));
    await regtest.pay(wallet.script, 5_000);
    const second = await published(anchor, intent('joined'));
    const { ins } = Transaction.fromBuffer(second.signed);
    expect(ins).toHaveLength(2);
    expect(second.conflictKey).toBe(`${first.txId}:0`);
    expect(await anchor.observe([second], signal)).toMatchObject([{ status: 'final' }]);
  });

  it('is proven by the internal key, and by no other key, output, commitment or type', async () => {
    const { open, collections } = await funded(100_000);
    const anchor = open(collections);
    const wanted = intent('proven');
    const attempt = await published(anchor, wanted);
    const evidence = await anchor.evidence(wanted, attempt, signal);
    const given = { headers, trustedKeys: [] };
    const verify = (changed: Partial<Evidence>, { commitment } = wanted) =>
      taprootVerifier.verify(commitment, { ...evidence, ...changed }, given);
    expect(await verify({})).toMatchObject({ ok: true, trust: 'spv-pow' });
    expect(
      await taprootVerifier.verify(wanted.commitment, evidence, { trustedKeys: [] }),
    ).toMatchObject({ ok: true, trust: 'operator' });

    const key = evidence.body['internal_key'] as string;
    const other = hexOf(regtestWallet(1, 'p2tr').internalKey);
    const output = hexOf(Transaction.fromBuffer(attempt.signed).outs[0]!.script).slice(4);
    for (const wrong of [other, output, `02${key}`, `03${key}`, key.slice(2), '00'.repeat(32), ''])
      expect(await verify({ body: { ...evidence.body, internal_key: wrong } })).toMatchObject({
        ok: false,
        code: 'commitment_not_in_transaction',
      });
    expect(await verify({}, intent('another'))).toMatchObject({
      ok: false,
      code: 'commitment_not_in_transaction',
    });
    const { internal_key: _key, ...body } = evidence.body;
    expect(await verify({ body })).toMatchObject({ ok: false, code: 'evidence_malformed' });
    expect(await opReturnVerifier.verify(wanted.commitment, { ...evidence, body }, given)).toEqual(
      expect.objectContaining({ ok: false, code: 'commitment_not_in_transaction' }),
    );
  });

  it('is proven by the key that made it, also when another is configured', async () => {
    const { open, collections, wif } = await funded(100_000);
    const wanted = intent('earlier key');
    const attempt = await published(open(collections), wanted);
    const now = plugin.create(
      BitcoinConfig.parse({ ...chainConfig(), commitment: 'op_return', wif }),
      contextOf(),
    );
    const evidence = await now.evidence(wanted, attempt, signal);
    expect(
      await taprootVerifier.verify(wanted.commitment, evidence, { headers, trustedKeys: [] }),
    ).toMatchObject({ ok: true, trust: 'spv-pow' });
    const { open: openOther } = await funded(50_000);
    const other = await published(openOther(collections), intent('other key'));
    expect(other.conflictKey).not.toContain(attempt.txId);
  });

  it('is signed elsewhere by what the PSBT says of the tweak', async () => {
    const { wif } = await funded(100_000);
    const pair = ECPairFactory(ecc).fromWIF(wif, networks.regtest);
    const publicKey = Uint8Array.from(pair.publicKey);
    const roots: (Uint8Array | undefined)[] = [];
    const remote = bitcoinAnchorWith({
      publicKey,
      signPsbt: async (base64) => {
        const psbt = Psbt.fromBase64(base64);
        for (const [index, { tapMerkleRoot, tapInternalKey }] of psbt.data.inputs.entries()) {
          roots.push(tapMerkleRoot && Uint8Array.from(tapMerkleRoot));
          const tweak = Buffer.concat([tapInternalKey!, tapMerkleRoot ?? Buffer.alloc(0)]);
          psbt.signInput(index, pair.tweak(crypto.taggedHash('TapTweak', tweak)));
        }
        return psbt.toBase64();
      },
    });
    const parsed = remote.config['~standard'].validate(chainConfig());
    const anchor = remote.create(
      (parsed as { value: never }).value,
      contextOf(memoryCollections()),
    );
    await published(anchor, intent('remote first'));
    const second = await published(anchor, intent('remote second'));
    expect(await anchor.observe([second], signal)).toMatchObject([{ status: 'final' }]);
    expect(roots).toEqual([undefined, commitmentRoot(intent('remote first').commitment.digest)]);
  });

  it('needs a taproot key, and something to remember by', async () => {
    const config = { ...chainConfig(), wif: regtestKey(0) };
    expect(BitcoinConfig.safeParse(config).success).toBe(true);
    const segwit = BitcoinConfig.safeParse({ ...config, address: 'p2wpkh' });
    expect(segwit.error?.issues[0]?.message).toContain('address: p2tr');
    expect(() => plugin.create(BitcoinConfig.parse(config), contextOf())).toThrow('collections');
  });
});

describe('the chain of tweaked anchors', () => {
  it('goes on over a restart, from what was recorded before anything was sent', async () => {
    const { open, collections } = await funded(100_000);
    const unsent = await signed(open(collections), intent('recorded'));
    const restarted = open(collections);
    await restarted.broadcast(unsent, signal);
    await regtest.mine(1);
    expect((await signed(restarted, intent('next'))).conflictKey).toBe(`${unsent.txId}:0`);
  });

  it('is found again when nothing is remembered, from the commitments that are asked for', async () => {
    const { wallet, open, collections } = await funded(100_000);
    const names = ['lost a', 'lost b', 'lost c'];
    const made: Attempt[] = [];
    for (const name of names) made.push(await published(open(collections), intent(name)));
    const anchor = open(memoryCollections());
    expect(await anchor.findExisting!(intent('never'), signal)).toBeUndefined();
    await expect(signed(anchor, intent('too early'))).rejects.toMatchObject({
      reason: 'insufficient-funds',
    });
    for (const at of [2, 0, 1]) {
      const found = await anchor.findExisting!(intent(names[at]!), signal);
      expect(found).toMatchObject({
        txId: made[at]!.txId,
        conflictKey: made[at]!.conflictKey,
        fee: { amount: 222n },
      });
    }
    const next = await published(anchor, intent('found again'));
    expect(next.conflictKey).toBe(`${made[2]!.txId}:0`);
    expect(await anchor.observe([next], signal)).toMatchObject([{ status: 'final' }]);
    expect(
      await regtest.transactionsOf(wallet.scriptOf(intent('lost a').commitment.digest)),
    ).toHaveLength(2);
  });

  it('is not begun a second time by an older copy, which asks for the newest', async () => {
    const { wallet, open, collections } = await funded(100_000, 90_000);
    await published(open(collections), intent('old'));
    const older = collections.copy();
    const newest = await published(open(collections), intent('new'));
    const anchor = open(older);
    await expect(signed(anchor, intent('forked'))).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('older than the chain'),
    });
    expect(await anchor.findExisting!(intent('forked'), signal)).toBeUndefined();
    expect((await anchor.findExisting!(intent('new'), signal))?.txId).toBe(newest.txId);
    expect((await signed(anchor, intent('forked'))).conflictKey).toBe(`${newest.txId}:0`);
    expect(wallet.address).toMatch(/^bcrt1p/);
  });

  it('tells an older copy which of its own took the place of the attempt it knows', async () => {
    const { open, collections } = await funded(100_000);
    const lost = async (wanted: AnchorIntent) => {
      const attempt = await signed(open(collections), wanted);
      const older = collections.copy();
      const anchor = open(collections);
      const draft = await anchor.prepare(wanted, [attempt], { bump: 1, signal });
      const dearer = await anchor.sign(wanted, draft, signal);
      await anchor.broadcast(dearer, signal);
      await regtest.mine(1);
      expect(await open(older).observe([attempt], signal)).toMatchObject([
        { status: 'conflicted', conflictsWith: dearer.txId, inclusion: { depth: 1 } },
      ]);
    };
    await lost(intent('first of a chain'));
    await lost(intent('further on'));
  });

  it('takes what waits in the place of the newest for its own, though nothing is remembered of it', async () => {
    const { open, collections } = await funded(100_000);
    await published(open(collections), intent('mined'));
    const older = collections.copy();
    const waiting = await signed(open(collections), intent('waiting'));
    const anchor = open(older);
    await anchor.broadcast(waiting, signal);
    expect((await anchor.findExisting!(intent('waiting'), signal))?.txId).toBe(waiting.txId);
    await regtest.mine(1);
    expect((await signed(anchor, intent('behind it'))).conflictKey).toBe(`${waiting.txId}:0`);
  });

  it('is found again over Esplora, too', async () => {
    const { wif } = await funded(100_000);
    const esplora = await EsploraFacade.start(regtest.url);
    const { rpc: _rpc, ...config } = chainConfig();
    const over = { ...config, esplora: { url: esplora.url, timeoutMs: 20_000 }, wif };
    const open = () => plugin.create(BitcoinConfig.parse(over), contextOf(memoryCollections()));
    const made = await published(open(), intent('over Esplora'));
    const anchor = open();
    const found = await anchor.findExisting!(intent('over Esplora'), signal);
    expect(found?.txId).toBe(made.txId);
    expect((await signed(anchor, intent('goes on'))).conflictKey).toBe(`${made.txId}:0`);
    await esplora.stop();
  });

  it('has no place for what a stranger pays to the address of a commitment', async () => {
    const { wallet, open } = await funded(100_000);
    const wanted = intent('forged');
    await regtest.pay(wallet.scriptOf(wanted.commitment.digest), 20_000);
    const anchor = open(memoryCollections());
    expect(await anchor.findExisting!(wanted, signal)).toBeUndefined();
    const attempt = await published(anchor, wanted);
    expect((await anchor.findExisting!(wanted, signal))?.txId).toBe(attempt.txId);
  });
});
