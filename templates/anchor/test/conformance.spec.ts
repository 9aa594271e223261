import { describe, it } from 'node:test';
import { describeAnchor } from '@wattproof/core/testing';
import { toHex } from '@wattproof/core/verify';
import plugin from '../src/index.js';
import { TallyAnchor } from '../src/tally.anchor.js';
import { TallyConfig } from '../src/tally.config.js';
import verifier from '../src/verify/index.js';
import { TallyLedger } from './tally-ledger.js';

const config = ({ url }: TallyLedger) => ({ url, chain: 'test', key: '01'.repeat(32) });

describeAnchor<TallyLedger>({
  plugin,
  verifier,
  open: () => TallyLedger.listen(),
  config,
  create: (ledger, context) => new TallyAnchor(TallyConfig.parse(config(ledger)), context),
  settle: async (ledger) => ledger.mine(),
  setDown: async (ledger, down) => void (ledger.down = down),
  confirmed: async (ledger, { digest }) => ledger.idsOf(toHex(digest)),
  reorg: async (ledger, depth) => ledger.reorg(depth),
  // In multiples of the base fee, 10 mites.
  feeFloor: async (ledger, times) => void (ledger.minimumFee = BigInt(10 * times || 1)),
  headers: (ledger) => ({
    header: async (_ledger, { height }) =>
      height === undefined ? undefined : ledger.header(height),
  }),
  close: (ledger) => ledger.close(),
  policy: { maxFeePerIntent: 200, maxBumps: 20 },
  crash: { points: 6, nightlyPoints: 60, nightlySeeds: 2 },
  // Between two passes of a crash run: what Tally does on bad days.
  disturb: async (ledger, random) => {
    const dice = random();
    if (dice < 0.15) ledger.forgetWaiting();
    else if (dice < 0.3) ledger.minimumFee = 18n;
    else if (dice < 0.45) ledger.minimumFee = 1n;
    else if (dice < 0.6) ledger.reorg(1 + Math.floor(random() * 2));
    else if (dice < 0.75) ledger.loseReply = true;
  },
  runner: { describe, it },
});
