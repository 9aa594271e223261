import { describe, it } from 'node:test';
import { describePricing } from '@wattproof/core/testing';
import plugin from '../src/index.js';

describePricing({
  plugin,
  config: {},
  refusedConfigs: [{ base: 'dear' }, { base: '-1' }, { currency: 'euro' }, { frostBelowC: 'cold' }],
  base: '0.12',
  inputs: [
    { local_hour: 12, temperature_c: 15 },
    { local_hour: 23, temperature_c: 15 },
    { local_hour: 20, temperature_c: -4.5 },
  ],
  runner: { describe, it },
});
