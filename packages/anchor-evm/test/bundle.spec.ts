import plugin, { deployRegistry, EvmConfig } from '@wattproof/anchor-evm';
import verifiers from '@wattproof/anchor-evm/verify';
import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import { startTestGateway, type TestGateway } from '@wattproof/core/testing';
import { verifyProof } from '@wattproof/core/verify';
import { Anvil } from './anvil/anvil.js';

/** One anchor per kind of evidence, each with an account of its own. */
const KINDS = {
  receipts: {},
  states: { evidence: 'state' },
  calldata: { mode: 'calldata' },
};

let anvil: Anvil;
let gateway: TestGateway;

beforeAll(async () => {
  anvil = await Anvil.start({ automine: true });
  const rpc = { url: anvil.url, timeoutMs: 5_000 };
  await deployRegistry({ chainId: 31_337, rpc, signer: anvil.key(0), pollMs: 1 });
  await anvil.rpc('evm_setAutomine', false);
  const anchors = Object.entries(KINDS).map(([instanceId, kind], i) => ({
    instanceId,
    config: { chainId: 31_337, rpc: { url: anvil.url }, key: anvil.key(i + 1), ...kind },
  }));
  const use = '@wattproof/anchor-evm';
  gateway = await startTestGateway({
    config: {
      devices: { registration: 'open' },
      anchors: Object.fromEntries(
        anchors.map(({ instanceId, config }) => [instanceId, { use, ...config }]),
      ),
    },
    parts: {
      plugins: anchors.map(({ instanceId, config }) => ({
        entry: { instanceId, kind: 'anchor' as const, use, config, path: `anchors.${instanceId}` },
        plugin,
        config: EvmConfig.parse(config),
        url: import.meta.url,
        package: undefined,
      })),
    },
  });
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await anvil.stop();
});

describe('a reading anchored on an EVM chain', () => {
  it('is proven offline by its bundle and trusted headers, and by nothing that was changed', async () => {
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
    const answer = verdicts?.[0];
    expect(answer?.verdict).toBe('accepted');

    const ask = (path: string, method = 'GET') =>
      fetch(`${gateway.url}/api/v1${path}`, { method, headers: { 'x-api-key': gateway.adminKey } });
    const batch = (await (await ask('/batches/flush', 'POST')).json()) as { id: string };
    await gateway.settle();
    for (let block = 0; block < 4; block += 1) {
      await anvil.mine();
      await gateway.settle();
    }
    const { anchors } = (await (await ask(`/batches/${batch.id}/anchors`)).json()) as {
      anchors: { anchor: string }[];
    };
    expect(anchors).toHaveLength(3);
    for (const anchor of anchors)
      expect(anchor).toMatchObject({ state: 'final', trust: 'light-client' });

    const bundle = await (await ask(`/logs/${answer!.id}/proof?format=bundle`)).text();
    const known = await Promise.all(
      Array.from({ length: (await anvil.height()) + 1 }, (_unused, at) => anvil.header(at)),
    );
    // From here on nothing is asked of the chain.
    const headers = {
      header: async (ledger: string, { height = -1 }: { readonly height?: number }) =>
        ledger === 'eip155:31337' ? known[height] : undefined,
    };
    const options = { verifiers, require: 'light-client' as const, headers };
    expect(await verifyProof(bundle, options)).toMatchObject({
      ok: true,
      level: 'light-client',
      notChecked: [],
      failures: [],
    });
    const { headers: _none, ...alone } = options;
    expect(await verifyProof(bundle, alone)).toMatchObject({ ok: false, level: 'operator' });
    const stranger = await verifyProof(bundle, { ...options, verifiers: [] });
    expect(stranger.ok).toBe(false);
    expect(JSON.stringify(stranger.notChecked)).toContain('install @wattproof/anchor-evm');
    const elsewhere = { header: async () => known[0] };
    expect(await verifyProof(bundle, { ...options, headers: elsewhere })).toMatchObject({
      ok: false,
    });

    const digits = [...bundle.matchAll(/[0-9a-f]{40,}/g)].map(
      ({ index, 0: run }) => index + Math.floor(run.length / 2),
    );
    expect(digits.length).toBeGreaterThan(15);
    for (const at of digits) {
      const changed = bundle.slice(0, at) + (bundle[at] === '0' ? '1' : '0') + bundle.slice(at + 1);
      expect({ at, ok: (await verifyProof(changed, options)).ok }).toEqual({ at, ok: false });
    }
  }, 60_000);
});
