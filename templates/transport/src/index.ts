import { defineTransport } from '@wattproof/core/spi';
import { TallyConfig } from './tally.config.js';
import { TallyTransport } from './tally.transport.js';

export default defineTransport({
  name: 'tally',
  config: TallyConfig,
  capabilities: { protocol: 'tally', commands: false },
  create: (config, context) => new TallyTransport(config, context),
});
