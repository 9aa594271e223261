import { defineAnchor } from '@wattproof/core/spi';
import { TallyAnchor } from './tally.anchor.js';
import { TallyConfig } from './tally.config.js';
import { TALLY_EVIDENCE } from './verify/index.js';

export default defineAnchor({
  name: 'tally',
  config: TallyConfig,
  capabilities: {
    exclusion: 'ledger', // an account uses each sequence number once
    cost: 'paid',
    finality: 'probabilistic',
    reorgs: true,
    bump: ['replace'], // a dearer transaction with the same sequence number
    evidence: [TALLY_EVIDENCE],
    trust: 'rpc-quorum',
  },
  create: (config, context) => new TallyAnchor(config, context),
});
