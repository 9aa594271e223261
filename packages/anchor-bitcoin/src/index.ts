import { defineAnchor } from '@wattproof/core/spi';
import { BitcoinAnchor } from './bitcoin.anchor.js';
import { BitcoinConfig } from './bitcoin.config.js';
import { OTS_FORMAT } from './ots-export.js';
import { OP_RETURN_EVIDENCE } from './verify/index.js';

export { BitcoinAnchor } from './bitcoin.anchor.js';
export { BitcoinConfig } from './bitcoin.config.js';

export default defineAnchor({
  name: 'bitcoin',
  config: BitcoinConfig,
  capabilities: {
    exclusion: 'ledger',
    cost: 'paid',
    finality: 'probabilistic',
    reorgs: true,
    bump: 'none',
    evidence: [OP_RETURN_EVIDENCE],
    trust: 'spv-pow',
    exports: [OTS_FORMAT],
  },
  create: (config, context) => new BitcoinAnchor(config, context),
});
