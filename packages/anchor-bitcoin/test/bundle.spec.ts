import { createHash } from 'node:crypto';
import plugin from '@wattproof/anchor-bitcoin';
import { opReturnVerifier } from '@wattproof/anchor-bitcoin/verify';
import {
  askGateway,
  checkChanges,
  proofChanges,
  proveReading,
  startTestGateway,
  type TestGateway,
} from '@wattproof/core/testing';
import { verifyProof } from '@wattproof/core/verify';
import { heightOf, independentOts } from './ots/independent-ots.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

let regtest: Regtest;
let gateway: TestGateway;

beforeAll(async () => {
  regtest = await Regtest.start();
  await regtest.fund(regtestWallet(7).script);
  const bitcoin = {
    use: 'bitcoin',
    network: 'regtest',
    rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
    wif: regtestKey(7),
    confirmations: 2,
    policy: { finalityDepth: 2 },
  };
  gateway = await startTestGateway({
    config: { devices: { registration: 'open' }, anchors: { bitcoin } },
    plugins: { bitcoin: plugin },
  });
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  await regtest?.stop();
});

describe('a reading anchored on a Bitcoin chain', () => {
  it('is proven to the level of proof of work by its bundle and the headers, and by nothing that was changed', async () => {
    const { id, anchors, bundle } = await proveReading(gateway, () => regtest.mine(1), 2);
    expect(anchors).toMatchObject([
      { anchor: 'bitcoin', state: 'final', trust: 'spv-pow', depth: 2 },
    ]);

    const headers = {
      header: async (ledger: string, { height }: { readonly height?: number }) =>
        ledger === 'bitcoin:regtest' ? regtest.header(height ?? -1) : undefined,
    };
    const options = { verifiers: [opReturnVerifier], require: 'spv-pow' as const, headers };
    const honest = await verifyProof(bundle, options);
    expect(honest).toMatchObject({ ok: true, level: 'spv-pow', notChecked: [], failures: [] });

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

    const ots = await askGateway(gateway, `/logs/${id}/proof?format=ots&anchor=bitcoin`);
    expect(ots.headers.get('content-type')).toContain('application/vnd.opentimestamps.ots');
    const { digest, attested } = independentOts(new Uint8Array(await ots.arrayBuffer()));
    const preimage = await (await askGateway(gateway, `/logs/${id}/preimage`)).arrayBuffer();
    expect(digest).toBe(createHash('sha256').update(Buffer.from(preimage)).digest('hex'));
    expect(attested).toHaveLength(1);
    const header = await regtest.header(heightOf(attested[0]!));
    expect(attested[0]!.message.toString('hex')).toBe(
      Buffer.from(header!.slice(36, 68)).toString('hex'),
    );

    const changed = await checkChanges(proofChanges(bundle, '$.evidence'), honest, (text) =>
      verifyProof(text, options),
    );
    expect(changed).toMatchObject({ hiding: [], unnoticed: ['$.evidence[0].anchor'] }); // a label
    expect(changed.tried).toBeGreaterThan(70);
  }, 60_000);
});
