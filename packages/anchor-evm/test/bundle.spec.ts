import plugin, { deployRegistry } from '@wattproof/anchor-evm';
import verifiers from '@wattproof/anchor-evm/verify';
import {
  checkChanges,
  proofChanges,
  proveReading,
  rememberedEquation,
  startTestGateway,
  type TestGateway,
} from '@wattproof/core/testing';
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
  const anchors = Object.entries(KINDS).map(([id, kind], i) => [
    id,
    { use: 'evm', chainId: 31_337, rpc: { url: anvil.url }, key: anvil.key(i + 1), ...kind },
  ]);
  gateway = await startTestGateway({
    config: { devices: { registration: 'open' }, anchors: Object.fromEntries(anchors) },
    plugins: { evm: plugin },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await anvil?.stop();
});

describe('a reading anchored on an EVM chain', () => {
  it('is proven offline by its bundle and trusted headers, and by nothing that was changed', async () => {
    const { anchors, bundle } = await proveReading(gateway, () => anvil.mine(), 4);
    expect(anchors).toHaveLength(3);
    for (const anchor of anchors)
      expect(anchor).toMatchObject({ state: 'final', trust: 'light-client' });

    const known = await Promise.all(
      Array.from({ length: (await anvil.height()) + 1 }, (_unused, at) => anvil.header(at)),
    );
    // From here on nothing is asked of the chain.
    const headers = {
      header: async (ledger: string, { height = -1 }: { readonly height?: number }) =>
        ledger === 'eip155:31337' ? known[height] : undefined,
    };
    const equation = rememberedEquation();
    const options = { verifiers, require: 'light-client' as const, headers, equation };
    const honest = await verifyProof(bundle, options);
    expect(honest).toMatchObject({ ok: true, level: 'light-client', notChecked: [], failures: [] });
    const { headers: _none, ...alone } = options;
    expect(await verifyProof(bundle, alone)).toMatchObject({ ok: false, level: 'operator' });
    const stranger = await verifyProof(bundle, { ...options, verifiers: [] });
    expect(stranger.ok).toBe(false);
    expect(JSON.stringify(stranger.notChecked)).toContain('install @wattproof/anchor-evm');
    const elsewhere = { header: async () => known[0] };
    expect(await verifyProof(bundle, { ...options, headers: elsewhere })).toMatchObject({
      ok: false,
    });

    const changed = await checkChanges(proofChanges(bundle, '$.evidence'), honest, (text) =>
      verifyProof(text, options),
    );
    const each = (member: string) => [0, 1, 2].map((i) => `$.evidence[${i}]${member}`);
    // With one piece of evidence less the others still reach the level: the report names what is left.
    const hidden = ['$.evidence[-]', ...each('-').slice(1), ...each('.trust'), ...each('.type')];
    // Calldata names its chain itself.
    expect(changed.hiding).toEqual([...hidden, ...each('.ledger').slice(0, 2)].sort());
    expect(changed.unnoticed).toEqual(each('.anchor')); // labels
    expect(changed.tried).toBeGreaterThan(200);
  });
});
