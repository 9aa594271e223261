import bitcoin, { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import evm, { EvmConfig, deployRegistry } from '@wattproof/anchor-evm';
import bitcoinVerifiers from '@wattproof/anchor-bitcoin/verify';
import evmVerifiers from '@wattproof/anchor-evm/verify';
import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import { startTestGateway, type TestGateway } from '@wattproof/core/testing';
import {
  regtestKey,
  regtestWallet,
} from '../../../../packages/anchor-bitcoin/test/regtest/regtest-key.js';
import { Regtest } from '../../../../packages/anchor-bitcoin/test/regtest/regtest.js';
import { Anvil } from '../../../../packages/anchor-evm/test/anvil/anvil.js';
import { runVerify } from '../../../../packages/core/src/cli/verify-command.js';

const BLOCKS = 3;
let regtest: Regtest;
let anvil: Anvil;
let gateway: TestGateway;

const configured = (
  id: string,
  use: string,
  plugin: any,
  schema: any,
  config: Record<string, unknown>,
) => ({
  entry: { instanceId: id, kind: 'anchor' as const, use, config, path: `anchors.${id}` },
  plugin,
  config: schema.parse(config),
  url: import.meta.url,
  package: undefined,
});

beforeAll(async () => {
  [regtest, anvil] = await Promise.all([Regtest.start(), Anvil.start({ automine: true })]);
  await regtest.fund(regtestWallet(7).script);
  await deployRegistry({
    chainId: 31_337,
    rpc: { url: anvil.url, timeoutMs: 10_000 },
    signer: anvil.key(0),
    maxFeeGwei: 50,
  });
  const onBitcoin = {
    network: 'regtest',
    rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
    wif: regtestKey(7),
    confirmations: 2,
  };
  const onEvm = { chainId: 31_337, rpc: { url: anvil.url }, key: anvil.key(1), maxFeeGwei: 50 };
  gateway = await startTestGateway({
    config: {
      devices: { registration: 'open' },
      anchors: {
        bitcoin: { use: '@wattproof/anchor-bitcoin', ...onBitcoin, policy: { finalityDepth: 2 } },
        evm: { use: '@wattproof/anchor-evm', ...onEvm },
      },
    },
    parts: {
      plugins: [
        configured('bitcoin', '@wattproof/anchor-bitcoin', bitcoin, BitcoinConfig, onBitcoin),
        configured('evm', '@wattproof/anchor-evm', evm, EvmConfig, onEvm),
      ],
    },
  });
}, 90_000);
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([regtest?.stop(), anvil?.stop()]);
});

/** `wattproof verify` as a command, in this process. */
async function verify(bundle: string, headers: string) {
  const out: string[] = [];
  const code = await runVerify(
    ['proof.json', '--headers', 'headers.txt', '--require', 'spv-pow', '--json'],
    {
      read: async (source) => Buffer.from(source === 'proof.json' ? bundle : headers),
      verifiers: async () => [bitcoinVerifiers, evmVerifiers].flat(),
      ecdsa: async () => undefined,
      out: (line) => out.push(line),
      err: (line) => out.push(line),
    },
  );
  const report = JSON.parse(out.find((line) => line.startsWith('{')) ?? '{}');
  return { code, report };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('a reading anchored on Bitcoin and on an EVM chain at once', () => {
  it('is proven offline on both, each at its level, from headers alone, and by nothing that was changed', async () => {
    const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
    const [member] = createFleet({ seed: 5, size: 1 });
    await client.register(member!, await client.origin());
    const endsMs = gateway.clock.nowMs() - 60_000;
    const reading = readingDocument(
      member!.meter,
      member!.meter.interval(endsMs - 900_000, endsMs),
      1,
    );
    const { verdicts } = await client.submit(member!.device.signReading('reading/1', reading));
    const ask = (path: string, method = 'GET') =>
      fetch(`${gateway.url}/api/v1${path}`, { method, headers: { 'x-api-key': gateway.adminKey } });
    const batch = (await (await ask('/batches/flush', 'POST')).json()) as { id: string };
    for (let block = 0; block < BLOCKS; block += 1) {
      await gateway.settle();
      await regtest.mine(1);
      await anvil.mine(1);
    }
    await gateway.settle();
    const { anchors } = (await (await ask(`/batches/${batch.id}/anchors`)).json()) as {
      anchors: { anchor: string; block_height?: number }[];
    };
    expect(anchors).toMatchObject([
      { anchor: 'bitcoin', state: 'final', trust: 'spv-pow' },
      { anchor: 'evm', state: 'final', trust: 'light-client' },
    ]);
    const bundle = await (await ask(`/logs/${verdicts![0]!.id}/proof?format=bundle`)).text();

    const lines: string[] = [];
    for (let height = 1; height <= (await anvil.height()); height += 1)
      lines.push(`eip155:31337 ${height} ${hex((await anvil.header(height))!)}`);
    for (let height = 450; ; height += 1) {
      const header = await regtest.header(height);
      if (header === undefined) break;
      lines.push(`${height} ${hex(header)}`);
    }
    const headers = lines.join('\n');

    const { code, report } = await verify(bundle, headers);
    expect({ code, failures: report.failures, notChecked: report.notChecked }).toEqual({
      code: 0,
      failures: [],
      notChecked: [],
    });
    const said = JSON.stringify(report);
    expect(said).toMatch(/bitcoin-op-return\/1[^"]*spv-pow/);
    expect(said).toMatch(/evm-receipt\/1[^"]*light-client/);

    // Each part of the file, by its runs of hex digits and base64: one changed character is enough.
    const places = [...bundle.matchAll(/[0-9a-f]{40,}|[A-Za-z0-9+/]{60,}/g)].map(
      ({ index, 0: run }) => index + Math.floor(run.length / 2),
    );
    expect(places.length).toBeGreaterThan(12);
    for (const at of places) {
      const changed = bundle.slice(0, at) + (bundle[at] === '0' ? '1' : '0') + bundle.slice(at + 1);
      const answer = await verify(changed, headers);
      const complete = answer.code === 0 && (answer.report.notChecked ?? []).length === 0;
      expect({ at, complete }).toEqual({ at, complete: false });
    }
  }, 120_000);
});
