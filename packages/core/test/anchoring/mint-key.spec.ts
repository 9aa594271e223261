import localLedger from '../../src/anchoring/local-ledger/index.js';
import { type MintedInterval, mintKey } from '../../src/anchoring/mint-key.js';
import { signal } from '../../src/testing/anchor-suite/suite-kit.js';
import { LocalLedgerWorld } from './local-ledger-world.js';

const interval: MintedInterval = {
  origin: 'test/log',
  meterId: 'meter-1',
  register: 'export',
  startsMs: 1_700_000_000_000,
  endsMs: 1_700_000_900_000,
};

describe('the key of a mint', () => {
  it('is that of its meter and interval alone, pinned for ever', () => {
    expect(mintKey(interval)).toBe(
      'mint/a25d11b6d854e77d88515d5a7ae42fc8452283650b20f8249b2c66379ccfcacd',
    );
    const others: readonly Partial<MintedInterval>[] = [
      { origin: 'test/other' },
      { meterId: 'meter-2' },
      { register: 'import' },
      { startsMs: interval.startsMs - 1 },
      { endsMs: interval.endsMs + 1 },
      { meterId: 'meter-1","export', register: '' },
    ];
    const keys = [interval, ...others.map((other) => ({ ...interval, ...other }))].map(mintKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('mints an interval once, and no second amount for it', async () => {
    const world = await LocalLedgerWorld.open();
    const { tokens } = localLedger.create({}, world.context()).ports!;
    const mint = (energyUWh: bigint, of = interval) =>
      tokens!.mint({ key: mintKey(of), to: 'owner', energyUWh }, signal());
    expect(await mint(5n)).toMatchObject({ existing: false });
    expect(await mint(5n, { ...interval })).toMatchObject({ existing: true });
    await expect(mint(6n)).rejects.toMatchObject({ code: 'key_conflict' });
    expect(await mint(5n, { ...interval, startsMs: interval.endsMs })).toMatchObject({
      existing: false,
    });
    expect(await tokens!.balance('owner', signal())).toBe(10n);
  });
});
