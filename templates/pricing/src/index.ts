import { definePricing } from '@wattproof/core/spi';
import { TallyConfig } from './tally.config.js';
import { TallyPricing } from './tally.pricing.js';

export default definePricing({
  name: 'tally',
  config: TallyConfig,
  // The number grows with every change that can change a price.
  capabilities: { model: 'tally/1' },
  create: (config) => new TallyPricing(config),
});
