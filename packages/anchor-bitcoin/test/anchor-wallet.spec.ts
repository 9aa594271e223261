import { createHash } from 'node:crypto';
import * as ecc from '@bitcoinerlab/secp256k1';
import plugin, {
  bitcoinAnchorWith,
  BitcoinConfig,
  type RemoteSigner,
} from '@wattproof/anchor-bitcoin';
import type { Anchor, AnchorIntent, Attempt, Draft, PluginContext } from '@wattproof/core/spi';
import { crypto, networks, Psbt, type PsbtTxOutput, Transaction } from 'bitcoinjs-lib';
import { ECPairFactory } from 'ecpair';
import type { AnchorWallet } from '../src/anchor-wallet.js';
import type { AddressType } from '../src/bitcoin.config.js';
import { LocalSigner } from '../src/local-signer.js';
import { HttpSigner } from '../src/remote-signer.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

const signal = new AbortController().signal;
const ANYONE_MAY_ADD = Transaction.SIGHASH_ALL | Transaction.SIGHASH_ANYONECANPAY;
const context: PluginContext = {
  instanceId: 'bitcoin',
  origin: 'test',
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  clock: { nowMs: () => 0 },
};

let regtest: Regtest;
let keys = 0;

beforeAll(async () => {
  regtest = await Regtest.start();
});
afterAll(async () => {
  await regtest.stop();
});
afterEach(async () => {
  await regtest.setFees({ floor: 1, estimate: null, replacement: true, packages: true });
});

const chainConfig = (address: AddressType = 'p2wpkh') => ({
  network: 'regtest' as const,
  rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
  address,
  fee: { targetBlocks: 2 },
  confirmations: 2,
});

/** A wallet that nobody used before, with these coins. */
async function funded(
  valuesSat: readonly number[],
  type: AddressType = 'p2wpkh',
): Promise<{
  readonly anchor: Anchor;
  readonly wallet: AnchorWallet;
  readonly signer: LocalSigner;
  readonly wif: string;
}> {
  const index = 1_000 + keys;
  keys += 1;
  const wallet = regtestWallet(index, type);
  if (valuesSat.length > 0) {
    await regtest.pay(wallet.script, ...valuesSat);
    await regtest.mine(1);
  }
  const anchor = plugin.create(
    BitcoinConfig.parse({ ...chainConfig(type), wif: regtestKey(index) }),
    context,
  );
  const wif = regtestKey(index);
  return { anchor, wallet, signer: new LocalSigner(wif, 'regtest'), wif };
}

/** The same over a wallet of the node that watches the address. */
function watching(wif: string): Anchor {
  const { rpc: node, ...config } = chainConfig();
  return plugin.create(
    BitcoinConfig.parse({ ...config, rpc: { ...node, wallet: 'anchors' }, wif }),
    context,
  );
}

function intent(name: string, size = 1n): AnchorIntent {
  const digest = createHash('sha256').update(name).digest();
  return {
    id: digest.toString('hex'),
    anchor: 'bitcoin',
    commitment: { origin: 'test', size, root: new Uint8Array(32), digest },
    createdAtMs: 0,
  };
}

async function attempt(
  anchor: Anchor,
  wanted: AnchorIntent,
  prior: readonly Attempt[] = [],
  maxFee?: bigint,
): Promise<Attempt> {
  const bump = prior.length;
  const options = { bump, signal, ...(maxFee === undefined ? {} : { maxFee }) };
  const draft = await anchor.prepare(wanted, prior, options);
  const signed = await anchor.sign(wanted, draft, signal);
  return { ...signed, intentId: wanted.id, number: bump, state: 'broadcast', createdAtMs: 0 };
}

async function publish(
  anchor: Anchor,
  wanted: AnchorIntent,
  prior: readonly Attempt[] = [],
): Promise<Attempt> {
  const made = await attempt(anchor, wanted, prior);
  expect(await anchor.broadcast(made, signal)).toBe('accepted');
  return made;
}

const statuses = async (anchor: Anchor, ...attempts: Attempt[]) =>
  (await anchor.observe(attempts, signal)).map(({ status }) => status);

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function rpc(method: string, ...params: unknown[]): Promise<any> {
  const response = await fetch(regtest.url, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('anchor:secret')}` },
    body: JSON.stringify({ id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result: unknown; error: unknown };
  expect(error).toBeNull();
  return result;
}

const read = ({ signed }: Attempt): Transaction => Transaction.fromBuffer(signed);

describe('a stuck anchor', () => {
  it('is replaced on the same coin by a dearer one, which is mined', async () => {
    const { anchor } = await funded([100_000]);
    const wanted = intent('stuck');
    const first = await publish(anchor, wanted);
    const second = await publish(anchor, wanted, [first]);
    expect(second.conflictKey).toBe(first.conflictKey);
    expect(second.fee.amount - first.fee.amount).toBe(153n);
    expect(read(second).ins[0]?.sequence).toBe(0xff_ff_ff_fd);
    expect(await statuses(anchor, first, second)).toEqual(['missing', 'seen']);
    await regtest.mine(1);
    expect(await anchor.observe([first, second], signal)).toMatchObject([
      { status: 'conflicted', conflictsWith: second.txId, inclusion: { depth: 1 } },
      { status: 'included' },
    ]);
  });

  it('stays as it is where a node refuses replacement, and the dearer one says why', async () => {
    const { anchor } = await funded([100_000]);
    const wanted = intent('no replacement');
    const first = await publish(anchor, wanted);
    await regtest.setFees({ replacement: false });
    const second = await attempt(anchor, wanted, [first]);
    await expect(anchor.broadcast(second, signal)).rejects.toMatchObject({
      reason: 'irreplaceable',
      message: expect.stringContaining('txn-mempool-conflict'),
    });
    expect(await statuses(anchor, first, second)).toEqual(['seen', 'missing']);
  });

  it('that fell below a rising floor is told to pay more, and does at the next try', async () => {
    const { anchor } = await funded([100_000]);
    const wanted = intent('floor');
    const first = await publish(anchor, wanted);
    await regtest.setFees({ floor: 20 });
    expect(await statuses(anchor, first)).toEqual(['missing']);
    await expect(anchor.broadcast(first, signal)).rejects.toMatchObject({ reason: 'underpriced' });
    const second = await publish(anchor, wanted, [first]);
    expect(second.fee.amount).toBe(BigInt(20 * 153 * 1.5));
    await expect(attempt(anchor, wanted, [first, second], 4_700n)).rejects.toMatchObject({
      reason: 'capped',
    });
    expect((await attempt(anchor, wanted, [first, second], 4_800n)).fee.amount).toBe(4_800n);
  });

  it('gives its place to a newer checkpoint when it missed its target, and not before', async () => {
    const { anchor } = await funded([100_000]);
    const older = await publish(anchor, intent('older', 1n));
    await expect(attempt(anchor, intent('newer', 2n))).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining(older.txId),
    });
    await regtest.setFees({ floor: 50 });
    // Out of the node's sight it is mined by nobody; two blocks later it is back and too cheap.
    await regtest.mine(2);
    await regtest.setFees({ floor: 1 });
    await anchor.broadcast(older, signal);
    const newer = await publish(anchor, intent('newer', 2n));
    expect(newer.conflictKey).toBe(older.conflictKey);
    expect(newer.fee.amount).toBe(older.fee.amount + 153n);
    expect(await statuses(anchor, older, newer)).toEqual(['missing', 'seen']);
  });
});

describe('the wallet', () => {
  it.each(['p2wpkh', 'p2tr'] as const)(
    'of type %s pays the exact size, and goes on from its change',
    async (type) => {
      const { anchor, wallet } = await funded([100_000, 50_000], type);
      await regtest.setFees({ estimate: 7 });
      const first = await publish(anchor, intent(`${type} first`));
      const size = read(first).virtualSize();
      expect(Math.abs(size - wallet.vbytes(1))).toBeLessThanOrEqual(type === 'p2tr' ? 0 : 1);
      expect(first.fee.amount).toBe(BigInt(7 * wallet.vbytes(1)));
      await regtest.mine(1);
      const second = await publish(anchor, intent(`${type} second`));
      expect(second.conflictKey).toBe(`${first.txId}:1`);
      await regtest.mine(2);
      expect(await statuses(anchor, first, second)).toEqual(['final', 'final']);
      const found = await anchor.findExisting?.(intent(`${type} first`), signal);
      expect(found).toMatchObject({ txId: first.txId, fee: { amount: first.fee.amount } });
    },
  );

  it('adds another coin when the change runs low, and names the address when there is none', async () => {
    const { anchor, wallet } = await funded([700]);
    const first = await publish(anchor, intent('low first'));
    await regtest.mine(1);
    const wanted = intent('low second');
    const refusal = await anchor
      .prepare(wanted, [], { bump: 0, signal })
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ reason: 'insufficient-funds' });
    expect((refusal as Error).message).toContain(wallet.address);

    await regtest.pay(wallet.script, 600, 900);
    await expect(anchor.prepare(wanted, [], { bump: 0, signal })).rejects.toThrow(
      '1500 sat with fewer than 2 confirmations',
    );
    await regtest.mine(1);
    const second = await publish(anchor, wanted);
    expect(second.conflictKey).toBe(`${first.txId}:1`);
    expect(read(second).ins).toHaveLength(2);
    await regtest.mine(1);
    expect(await statuses(anchor, second)).toEqual(['included']);
  });

  it('is the same when a wallet of the node watches it', async () => {
    const { anchor, wif } = await funded([20_000, 30_000]);
    const watched = watching(wif);
    const [wanted, options] = [intent('watched'), { bump: 0, signal }];
    expect(await watched.prepare(wanted, [], options)).toEqual(
      await anchor.prepare(wanted, [], options),
    );
    expect(await watched.quote(wanted, signal)).toMatchObject({ balance: 50_000n });
  });

  it('is seen by that wallet while it waits, although the wallet calls its coin spent', async () => {
    const { anchor, wif } = await funded([20_000, 30_000]);
    const watched = watching(wif);
    const [first, second] = [intent('waits'), intent('follows')];
    const sent = await publish(anchor, first);
    await expect(watched.prepare(second, [], { bump: 0, signal })).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining(sent.txId),
    });
    expect(await watched.findExisting!(first, signal)).toMatchObject({ txId: sent.txId });
    expect(await watched.quote(second, signal)).toMatchObject({ balance: 50_000n });
  });

  it('without coins says which address to fund', async () => {
    const { anchor, wallet } = await funded([]);
    await expect(anchor.prepare(intent('poor'), [], { bump: 0, signal })).rejects.toMatchObject({
      reason: 'insufficient-funds',
      message: expect.stringContaining(`Send funds to ${wallet.address}`),
    });
    expect(await anchor.quote(intent('poor'), signal)).toMatchObject({ balance: 0n });
  });

  it('pays nothing on another network than its own', async () => {
    const { anchor } = await funded([100_000]);
    await regtest.setChain('main');
    await expect(anchor.prepare(intent('where'), [], { bump: 0, signal })).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('"main"'),
    });
    expect(await anchor.health(signal)).toMatchObject({ ready: false });
    await regtest.setChain('regtest');
    expect(() => new LocalSigner(regtestKey(0), 'mainnet')).toThrow('another network');
    expect(() => new LocalSigner('K'.repeat(52), 'mainnet')).toThrow(/^(?!.*KKK)/);
  });

  it('leaves a coin alone that something other than an anchor spends', async () => {
    const { anchor, wallet, signer } = await funded([100_000]);
    const plan = (await anchor.prepare(intent('swept'), [], { bump: 0, signal })) as Draft;
    const [txId, index] = plan.conflictKey.split(':') as [string, string];
    const psbt = new Psbt();
    const witnessUtxo = { script: wallet.script, value: 100_000n };
    psbt.addInput({ hash: txId, index: Number(index), sequence: 0xff_ff_ff_fd, witnessUtxo });
    psbt.addOutput({ script: wallet.script, value: 99_000n });
    const sweep = Psbt.fromBase64(await signer.signPsbt(psbt.toBase64())).finalizeAllInputs();
    await rpc('sendrawtransaction', hexOf(sweep.extractTransaction().toBuffer()));
    await expect(anchor.prepare(intent('swept'), [], { bump: 0, signal })).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('no anchor'),
    });
  });

  it('tells what can never come to be after a reorganisation from what is only missing', async () => {
    const { anchor } = await funded([100_000]);
    const [older, newer, newest] = [intent('older'), intent('newer'), intent('newest')];
    const first = await publish(anchor, older);
    await regtest.mine(1);
    const next = await publish(anchor, newer);
    await regtest.mine(1);
    const last = await publish(anchor, newest);
    await regtest.mine(1);
    await regtest.reorganise(3);
    expect(await statuses(anchor, first, next)).toEqual(['missing', 'missing']);
    await expect(anchor.broadcast(next, signal)).rejects.toMatchObject({ reason: 'conflict' });
    await expect(attempt(anchor, newer, [next])).rejects.toMatchObject({ reason: 'conflict' });

    const dearer = await publish(anchor, older, [first]);
    await regtest.mine(1);
    // Each knows by itself what led to its coin, also when nobody asks for those before it any more.
    for (const fallen of [next, last])
      expect(await anchor.observe([fallen], signal)).toMatchObject([
        { status: 'conflicted', conflictsWith: dearer.txId, inclusion: { depth: 1 } },
      ]);
  });
});

describe('a signer elsewhere', () => {
  const anchorOf = (signer: RemoteSigner, type: AddressType): Anchor => {
    const remote = bitcoinAnchorWith(signer);
    const parsed = remote.config['~standard'].validate(chainConfig(type));
    return remote.create((parsed as { value: never }).value, context);
  };

  it.each(['p2wpkh', 'p2tr'] as const)(
    'is asked for signatures alone and believed in nothing else (%s)',
    async (type) => {
      const { signer, anchor: local, wif } = await funded([100_000], type);
      const pair = ECPairFactory(ecc).fromWIF(wif, networks.regtest);
      const tweaked = pair.tweak(crypto.taggedHash('TapTweak', pair.publicKey.slice(1)));
      const wanted = intent(`remote ${type}`);
      const answers: Record<string, (psbt: string) => Promise<string>> = {
        honest: (psbt) => signer.signPsbt(psbt),
        final: async (psbt) =>
          Psbt.fromBase64(await signer.signPsbt(psbt))
            .finalizeAllInputs()
            .toBase64(),
        silent: async (psbt) => psbt,
        babbling: async () => 'bm90IGEgcHNidA==',
        greedy: async (psbt) => {
          const asked = Psbt.fromBase64(psbt);
          const [{ hash, index, sequence }] = asked.txInputs as [(typeof asked.txInputs)[0]];
          const other = new Psbt();
          other.setVersion(asked.version).setLocktime(asked.locktime);
          other.addInput({ ...asked.data.inputs[0], hash, index, sequence: sequence! });
          const [commitment, change] = asked.txOutputs as [PsbtTxOutput, PsbtTxOutput];
          other.addOutput({ script: commitment.script, value: 0n });
          other.addOutput({ script: change.script, value: change.value - 1_000n });
          return signer.signPsbt(other.toBase64());
        },
        garbled: async (psbt) => {
          const asked = Psbt.fromBase64(psbt);
          return asked
            .updateInput(0, { finalScriptWitness: Buffer.from('01020101', 'hex') })
            .toBase64();
        },
        // Valid, and others could still change what it spends.
        loose: async (psbt) =>
          Psbt.fromBase64(psbt)
            .updateInput(0, { sighashType: ANYONE_MAY_ADD })
            .signInput(0, type === 'p2tr' ? tweaked : pair, [ANYONE_MAY_ADD])
            .toBase64(),
      };
      for (const [name, signPsbt] of Object.entries(answers)) {
        const anchor = anchorOf({ publicKey: signer.publicKey, signPsbt }, type);
        const draft = await anchor.prepare(wanted, [], { bump: 0, signal });
        const signed = anchor.sign(wanted, draft, signal);
        if (name === 'honest' || name === 'final')
          expect({ name, signed: (await signed).signed }).toEqual({
            name,
            signed: (await local.sign(wanted, draft, signal)).signed,
          });
        else await expect(signed).rejects.toMatchObject({ reason: 'rejected' });
      }
    },
  );

  it('may be a service, whose silence and refusals are waited out', async () => {
    const { signer } = await funded([]);
    const publicKey = Buffer.from(signer.publicKey).toString('hex');
    const options = { url: 'http://signer.test/psbt', publicKey, token: 'hunter2', timeoutMs: 1e3 };
    const asked: RequestInit[] = [];
    const answering = (status: number, body: object) =>
      new HttpSigner(options, async (_url, init) => {
        asked.push(init!);
        return Response.json(body, { status });
      });
    expect(await answering(200, { psbt: 'c2lnbmVk' }).signPsbt('YXNrZWQ=', signal)).toBe(
      'c2lnbmVk',
    );
    expect(asked[0]).toMatchObject({
      headers: { authorization: 'Bearer hunter2' },
      body: '{"psbt":"YXNrZWQ="}',
    });
    const broken = new HttpSigner({ ...options, token: 'hunter2\nx' }, async (_url, init) => {
      return Response.json(String(new Headers(init?.headers)));
    });
    const flood = answering(200, { psbt: 'c2lnbmVk', more: 'x'.repeat(9 << 20) });
    for (const refusing of [answering(403, {}), answering(200, { psbt: 7 }), broken, flood]) {
      const refusal = await refusing.signPsbt('YXNrZWQ=', signal).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ reason: 'unavailable' });
      expect((refusal as Error).message).not.toContain('hunter2');
    }
  });

  it('stands beside no key of its own', async () => {
    const { signer } = await funded([]);
    const publicKey = Buffer.from(signer.publicKey).toString('hex');
    const service = { url: 'http://signer.test', publicKey };
    const parse = (who: object) => BitcoinConfig.safeParse({ ...chainConfig(), ...who }).success;
    expect(parse({ signer: service })).toBe(true);
    expect(parse({ wif: regtestKey(0) })).toBe(true);
    expect(parse({})).toBe(false);
    expect(parse({ wif: regtestKey(0), signer: service })).toBe(false);
  });
});

describe('the mempool of the tests', () => {
  it.each(['p2wpkh', 'p2tr'] as const)(
    'refuses in the words of Bitcoin Core, and says so without taking (%s)',
    async (type) => {
      const { anchor } = await funded([100_000], type);
      const wanted = intent(`mempool ${type}`);
      const verdict = async (bytes: Uint8Array) => {
        const [{ allowed, 'reject-reason': reason }] = await rpc('testmempoolaccept', [
          hexOf(bytes),
        ]);
        return allowed === true ? 'allowed' : reason;
      };
      const [first, rival] = [
        await attempt(anchor, wanted),
        await attempt(anchor, intent('rival')),
      ];
      expect(await verdict(first.signed)).toBe('allowed');
      expect(await statuses(anchor, first)).toEqual(['missing']);
      const forged = Transaction.fromBuffer(first.signed);
      forged.outs[1]!.value -= 200n;
      expect(await verdict(forged.toBuffer())).toContain('mandatory-script-verify-flag-failed');
      const early = Transaction.fromBuffer(first.signed);
      early.locktime = (await regtest.height()) + 1;
      expect(await verdict(early.toBuffer())).toBe('non-final');

      await anchor.broadcast(first, signal);
      expect(await verdict(first.signed)).toBe('txn-already-in-mempool');
      expect(await verdict(rival.signed)).toContain('insufficient fee');
      const dearer = await attempt(anchor, wanted, [first]);
      expect(await verdict(dearer.signed)).toBe('allowed');
      await regtest.setFees({ floor: 40 });
      expect(await verdict(dearer.signed)).toContain('mempool min fee not met');
      await regtest.mine(1);
      expect(await statuses(anchor, first, dearer)).toEqual(['missing', 'missing']);
    },
  );
});
