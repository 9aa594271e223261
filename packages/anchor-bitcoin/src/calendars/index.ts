import { defineAnchor } from '@wattproof/core/spi';
import { OTS_FORMAT } from '../ots-export.js';
import { OPENTIMESTAMPS_EVIDENCE } from '../verify/ots/opentimestamps.verifier.js';
import { CalendarsAnchor } from './calendars.anchor.js';
import { CalendarsConfig } from './calendars.config.js';
import { PROMISES } from './promise-store.js';

export { CalendarsConfig } from './calendars.config.js';

export default defineAnchor({
  name: 'opentimestamps-calendars',
  config: CalendarsConfig,
  capabilities: {
    exclusion: 'none',
    cost: 'free',
    finality: 'probabilistic',
    reorgs: true,
    bump: [],
    evidence: [OPENTIMESTAMPS_EVIDENCE],
    trust: 'spv-pow',
    exports: [OTS_FORMAT],
    needs: { collections: [PROMISES] },
  },
  create: (config, context) => new CalendarsAnchor(config, context),
});
