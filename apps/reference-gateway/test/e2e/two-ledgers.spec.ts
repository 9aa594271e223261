import bitcoin from '@wattproof/anchor-bitcoin';
import evm, { deployRegistry } from '@wattproof/anchor-evm';
import bitcoinVerifiers from '@wattproof/anchor-bitcoin/verify';
import evmVerifiers from '@wattproof/anchor-evm/verify';
import {
  checkChanges,
  proofChanges,
  proveReading,
  startTestGateway,
  type TestGateway,
} from '@wattproof/core/testing';
import type { ProofReport } from '@wattproof/core/verify';
import {
  regtestKey,
  regtestWallet,
} from '../../../../packages/anchor-bitcoin/test/regtest/regtest-key.js';
import { Regtest } from '../../../../packages/anchor-bitcoin/test/regtest/regtest.js';
import { Anvil } from '../../../../packages/anchor-evm/test/anvil/anvil.js';
import { runVerify } from '../../../../packages/core/src/cli/verify-command.js';

const EVERY = process.env['WATTPROOF_NIGHTLY'] === '1' ? 1 : 37;
let regtest: Regtest;
let anvil: Anvil;
let gateway: TestGateway;

beforeAll(async () => {
  [regtest, anvil] = await Promise.all([Regtest.start(), Anvil.start({ automine: true })]);
  await regtest.fund(regtestWallet(7).script);
  const rpc = { url: anvil.url, timeoutMs: 10_000 };
  const maxFeeGwei = 50;
  await deployRegistry({ chainId: 31_337, rpc, signer: anvil.key(0), maxFeeGwei, pollMs: 1 });
  gateway = await startTestGateway({
    config: {
      devices: { registration: 'open' },
      anchors: {
        bitcoin: {
          use: 'bitcoin',
          network: 'regtest',
          rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
          wif: regtestKey(7),
          confirmations: 2,
          policy: { finalityDepth: 2 },
        },
        evm: { use: 'evm', chainId: 31_337, rpc, key: anvil.key(1), maxFeeGwei },
      },
    },
    plugins: { bitcoin, evm },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([regtest?.stop(), anvil?.stop()]);
});

/** `wattproof verify` as a command, in this process: how it ended, and its report. */
async function verify(bundle: string, headers: string): Promise<ProofReport & { code: number }> {
  const out: string[] = [];
  const code = await runVerify(
    ['proof.json', '--headers', 'headers.txt', '--require', 'spv-pow', '--json'],
    {
      read: async (source) => Buffer.from(source === 'proof.json' ? bundle : headers),
      verifiers: async () => [bitcoinVerifiers, evmVerifiers].flat(),
      ecdsa: async () => undefined,
      out: (line) => out.push(line),
      err: () => undefined,
    },
  );
  return { ...(JSON.parse(out.join('')) as ProofReport), code };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A header file of both chains up to their tips, as an auditor makes it from nodes of his own. */
async function headerLines(): Promise<string[]> {
  const lines: string[] = [];
  for (let height = 1; height <= (await anvil.height()); height += 1)
    lines.push(`eip155:31337 ${height} ${hex((await anvil.header(height))!)}`);
  for (let height = 450; ; height += 1) {
    const header = await regtest.header(height);
    if (header === undefined) return lines;
    lines.push(`bitcoin:regtest ${height} ${hex(header)}`);
  }
}

/** Every way to change the line of one block: another digit, height or ledger, or no line at all. */
function* lineChanges(line: string): Generator<string> {
  yield '';
  const from = line.lastIndexOf(' ') + 1;
  for (let at = from; at < line.length; at += EVERY)
    yield line.slice(0, at) + (line[at] === '0' ? '1' : '0') + line.slice(at + 1);
  const [ledger = '', height, header] = line.split(' ');
  yield `${ledger} ${Number(height) + 1} ${header}`;
  yield `${ledger.slice(0, -1)} ${height} ${header}`;
  yield `${ledger} ${height} ${header!.slice(2)}`;
}

describe('a reading anchored on Bitcoin and on an EVM chain at once', () => {
  let bundle: string;
  let lines: string[];
  let headers: string;
  let honest: ProofReport & { code: number };
  const evidenceOf = ({ proven }: ProofReport) => proven.filter(({ code }) => code === 'evidence');

  it('is proven offline on both, each at its level, from headers alone', async () => {
    const mine = () => Promise.all([regtest.mine(1), anvil.mine(1)]);
    const proven = await proveReading(gateway, mine, 3);
    expect(proven.anchors).toMatchObject([
      { anchor: 'bitcoin', state: 'final', trust: 'spv-pow' },
      { anchor: 'evm', state: 'final', trust: 'light-client' },
    ]);
    ({ bundle } = proven);
    lines = await headerLines();
    headers = lines.join('\n');
    honest = await verify(bundle, headers);
    expect(honest).toMatchObject({ code: 0, level: 'spv-pow', failures: [], notChecked: [] });
    expect(evidenceOf(honest).map(({ text }) => text)).toEqual([
      expect.stringMatching(/bitcoin-op-return\/1, bitcoin:regtest\), spv-pow: /),
      expect.stringMatching(/evm-receipt\/1, eip155:31337\), light-client: /),
    ]);
  }, 120_000);

  it('is refused after a change of any field of any part, or proves less than it did', async () => {
    const changed = await checkChanges(proofChanges(bundle), honest, (text) =>
      verify(text, headers),
    );
    // Left out or not to be checked: Bitcoin's evidence still reaches the level, and the report names what it proves no more.
    expect(changed.hiding).toEqual([
      '$.evidence[1]-',
      '$.evidence[1].ledger',
      '$.evidence[1].trust',
      '$.evidence[1].type',
      '$.log_keys[-]',
      '$.receipt-',
      '$.signature-',
    ]);
    // Labels, and the announcement of a key that signed nothing here: docs/formats/proof-bundle.md.
    expect(changed.unnoticed).toEqual([
      '$.evidence[0].anchor',
      '$.evidence[1].anchor',
      '$.log_keys[1]-',
    ]);
    expect(changed.tried).toBeGreaterThan(380);
  }, 120_000);

  it("is proven on no ledger whose block's header is another or is missing", async () => {
    const { evidence } = JSON.parse(bundle) as {
      evidence: { ledger: string; body: { height: number } }[];
    };
    for (const { ledger, body } of evidence) {
      const needed = lines.find((line) => line.startsWith(`${ledger} ${body.height} `))!;
      for (const line of lineChanges(needed)) {
        const report = await verify(bundle, headers.replace(needed, line));
        const still = evidenceOf(report).filter(
          ({ text }) => text.includes(ledger) && text.includes('headers confirm'),
        );
        expect({ line, still }).toEqual({ line, still: [] });
      }
    }
  }, 120_000);
});
