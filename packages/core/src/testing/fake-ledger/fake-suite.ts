import type { AnchorCapabilities } from '../../spi/index.js';
import { toHex } from '../../verify/bytes.js';
import type { AnchorSuiteOptions } from '../anchor-suite/suite-options.js';
import { fakeAnchor } from './fake-anchor.js';
import { FakeLedger } from './fake-ledger.js';
import { fakeHeaders, fakeVerifier } from './fake-verifier.js';

/** Blocks after which the fake ledger's bytes are provably dead. */
const EXPIRED_BLOCKS = 12;
/** So tight that runs meet them: the lower of the two fee floors can be paid, the higher one by a child alone. */
const CAPS = {
  own: { maxFeePerIntent: 220n, maxFeePerDay: 500n },
  child: { maxFeePerIntent: 600n, maxFeePerDay: 1_000n },
};

/** The conformance kit's options for a fake ledger of one family, with everything that can go wrong in it. */
export function fakeSuite(
  exclusion: AnchorCapabilities['exclusion'],
  deterministic = false,
  bump?: AnchorCapabilities['bump'],
): AnchorSuiteOptions<FakeLedger> {
  const plugin = fakeAnchor(exclusion, deterministic, bump);
  const ways: readonly string[] = plugin.capabilities.bump;
  return {
    plugin,
    verifier: fakeVerifier,
    open: async () => new FakeLedger({ exclusion, deterministic }),
    config: (ledger) => ({ ledger }),
    create: (ledger, context) =>
      plugin.create({ ledger, baseFee: exclusion === 'none' ? 0n : 100n }, context),
    settle: async (ledger) => ledger.mine(),
    setDown: async (ledger, down) => ledger.setDown(down),
    confirmed: async (ledger, { digest }) => ledger.confirmed(toHex(digest)),
    headers: fakeHeaders,
    policy:
      exclusion === 'none'
        ? {}
        : { ...CAPS[ways.includes('child') ? 'child' : 'own'], maxBumps: 20 },
    ...(deterministic
      ? {}
      : { reorg: async (ledger, depth) => ledger.reorg(depth, { forget: true }) }),
    ...(exclusion === 'none'
      ? {}
      : { feeFloor: async (ledger, times) => ledger.setFeeFloor(BigInt(100 * times)) }),
    ...(exclusion === 'expiry' ? { expire: async (ledger) => ledger.mine(EXPIRED_BLOCKS) } : {}),
    ...(ways.length > 1 ? { keepFirst: async (ledger, keeps) => ledger.setKeepsFirst(keeps) } : {}),
    disturb: async (ledger, random) => {
      const dice = random();
      if (dice < 0.12) ledger.evictAll();
      else if (dice < 0.22 && exclusion !== 'none') ledger.setFeeFloor(dice < 0.17 ? 180n : 260n);
      else if (dice < 0.4) ledger.setFeeFloor(0n);
      else if (dice < 0.5 && !deterministic)
        // Shallower than the suite's finality depth: deeper ones are the business of the re-check.
        ledger.reorg(1 + Math.floor(random() * 2), { forget: random() < 0.5 });
      else if (dice < 0.6) ledger.failNext('submit', 'lost-reply');
      else if (dice < 0.7) ledger.failNext('look', 'unavailable');
      else if (dice < 0.75) ledger.failNext('tip', 'unavailable', 2);
      else if (dice < 0.9 && ways.length > 1) ledger.setKeepsFirst(dice < 0.85);
    },
  };
}
