import { createHash } from 'node:crypto';
import plugin, { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import { createFleet, GatewayClient, readingDocument } from '@wattproof/core/simulator';
import { startTestGateway, type TestGateway } from '@wattproof/core/testing';
import { verifyProof } from '@wattproof/core/verify';
import { heightOf, independentOts } from './ots/independent-ots.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

const WIF = regtestKey(7);
let regtest: Regtest;
let gateway: TestGateway;

beforeAll(async () => {
  regtest = await Regtest.start();
  await regtest.fund(regtestWallet(7).script);
  const config = {
    network: 'regtest',
    rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
    wif: WIF,
    confirmations: 2,
  };
  const entry = {
    instanceId: 'bitcoin',
    kind: 'anchor' as const,
    use: '@wattproof/anchor-bitcoin',
    config,
    path: 'anchors.bitcoin',
  };
  gateway = await startTestGateway({
    config: {
      devices: { registration: 'open' },
      anchors: { bitcoin: { use: entry.use, ...config, policy: { finalityDepth: 2 } } },
    },
    parts: {
      plugins: [
        {
          entry,
          plugin,
          config: BitcoinConfig.parse(config),
          url: import.meta.url,
          package: undefined,
        },
      ],
    },
  });
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await regtest.stop();
});

describe('a reading anchored on a Bitcoin chain', () => {
  it('is proven to the level of proof of work by its bundle and the headers, and by nothing that was changed', async () => {
    const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
    const [member] = createFleet({ seed: 3, size: 1 });
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
    for (let block = 0; block < 2; block += 1) {
      await regtest.mine(1);
      await gateway.settle();
    }
    const { anchors } = (await (await ask(`/batches/${batch.id}/anchors`)).json()) as {
      anchors: object[];
    };
    expect(anchors).toMatchObject([
      { anchor: 'bitcoin', state: 'final', trust: 'spv-pow', depth: 2 },
    ]);

    const bundle = await (await ask(`/logs/${answer!.id}/proof?format=bundle`)).text();
    const headers = {
      header: async (_ledger: string, { height }: { readonly height?: number }) =>
        height === undefined ? undefined : regtest.header(height),
    };
    const options = { verifiers: [opReturnVerifier], require: 'spv-pow' as const, headers };
    expect(await verifyProof(bundle, options)).toMatchObject({
      ok: true,
      level: 'spv-pow',
      notChecked: [],
      failures: [],
    });

    const { headers: _none, ...withoutHeaders } = options;
    expect(await verifyProof(bundle, withoutHeaders)).toMatchObject({
      ok: false,
      level: 'operator',
    });
    const stranger = { ...options, verifiers: [] };
    expect(await verifyProof(bundle, stranger)).toMatchObject({
      ok: false,
      level: 'operator',
      notChecked: [expect.anything()],
    });

    const ots = await ask(`/logs/${answer!.id}/proof?format=ots&anchor=bitcoin`);
    expect(ots.headers.get('content-type')).toContain('application/vnd.opentimestamps.ots');
    const { digest, attested } = independentOts(new Uint8Array(await ots.arrayBuffer()));
    const preimage = await (await ask(`/logs/${answer!.id}/preimage`)).arrayBuffer();
    expect(digest).toBe(createHash('sha256').update(Buffer.from(preimage)).digest('hex'));
    expect(attested).toHaveLength(1);
    const header = await regtest.header(heightOf(attested[0]!));
    expect(attested[0]!.message.toString('hex')).toBe(
      Buffer.from(header!.slice(36, 68)).toString('hex'),
    );

    const evidence = bundle.indexOf('bitcoin-op-return/1');
    const digits = [...bundle.matchAll(/[0-9a-f]{64,}/g)].map(
      ({ index, 0: run }) => index + Math.floor(run.length / 2),
    );
    expect(evidence).toBeGreaterThan(0);
    expect(digits.length).toBeGreaterThan(5);
    for (const at of digits) {
      const changed = bundle.slice(0, at) + (bundle[at] === '0' ? '1' : '0') + bundle.slice(at + 1);
      expect({ at, ok: (await verifyProof(changed, options)).ok }).toEqual({ at, ok: false });
    }
  }, 60_000);
});
