import { createHash } from 'node:crypto';
import plugin from '@wattproof/anchor-bitcoin';
import { opReturnVerifier, taprootVerifier } from '@wattproof/anchor-bitcoin/verify';
import {
  askGateway,
  checkChanges,
  proofChanges,
  proveReading,
  rememberedEquation,
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
  await regtest.fund(regtestWallet(7).script, regtestWallet(8, 'p2tr').script);
  const bitcoin = {
    use: 'bitcoin',
    network: 'regtest',
    rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
    wif: regtestKey(7),
    confirmations: 2,
    policy: { finalityDepth: 2 },
  };
  const place = { wif: regtestKey(8), address: 'p2tr', commitment: 'taproot' };
  const tweaked = { ...bitcoin, ...place };
  gateway = await startTestGateway({
    config: { devices: { registration: 'open' }, anchors: { bitcoin, tweaked } },
    plugins: { bitcoin: plugin },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await regtest?.stop();
});

describe('a reading anchored on a Bitcoin chain', () => {
  it('is proven to the level of proof of work by its bundle and the headers, and by nothing that was changed', async () => {
    const { id, anchors, bundle } = await proveReading(gateway, () => regtest.mine(1), 2);
    expect(anchors).toMatchObject([
      { anchor: 'bitcoin', state: 'final', trust: 'spv-pow', depth: 2 },
      { anchor: 'tweaked', state: 'final', trust: 'spv-pow', depth: 2 },
    ]);

    const { evidence } = JSON.parse(bundle) as { evidence: { body: { height: number } }[] };
    const heights = evidence.map(({ body }) => body.height);
    const known = new Map(
      await Promise.all(heights.map(async (at) => [at, await regtest.header(at)] as const)),
    );
    // From here on nothing is asked of the chain.
    const headers = {
      header: async (ledger: string, { height = -1 }: { readonly height?: number }) =>
        ledger === 'bitcoin:regtest' ? known.get(height) : undefined,
    };
    const verifiers = [opReturnVerifier, taprootVerifier];
    const equation = rememberedEquation();
    const options = { verifiers, require: 'spv-pow' as const, headers, equation };
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
      notChecked: [expect.anything(), expect.anything()],
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

    const tweaked = await askGateway(gateway, `/logs/${id}/proof?format=ots&anchor=tweaked`);
    expect(tweaked.status).toBe(409);
    expect(await tweaked.json()).toMatchObject({
      code: 'not_exportable',
      detail: expect.stringContaining('bitcoin-taproot/1'),
    });

    const changed = await checkChanges(proofChanges(bundle, '$.evidence'), honest, (text) =>
      verifyProof(text, options),
    );
    const labels = ['$.evidence[0].anchor', '$.evidence[1].anchor'];
    // Of what is hidden the other evidence still proves as much.
    const parts = ['[-]', '[0].type', '[1]-', '[1].type'];
    const hiding = parts.map((part) => `$.evidence${part}`);
    expect(changed).toMatchObject({ hiding, unnoticed: labels });
    expect(changed.tried).toBeGreaterThan(140);
  });
});
