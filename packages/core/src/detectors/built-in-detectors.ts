import type { Plugin } from '../spi/index.js';
import cusum from './plugins/cusum.js';
import ewma from './plugins/ewma.js';
import neighbours from './plugins/neighbours.js';
import nightSolar from './plugins/night-solar.js';
import robustZ from './plugins/robust-z.js';
import stuckValue from './plugins/stuck-value.js';
import twin from './plugins/twin.js';
import twoSigma from './plugins/two-sigma.js';

/** The detectors of core by the name of their instance: what runs when a configuration names none. */
export const BUILT_IN_DETECTORS: Readonly<Record<string, Plugin<'detector'>>> = Object.freeze({
  'night-solar': nightSolar,
  'stuck-value': stuckValue,
  'robust-z': robustZ,
  ewma,
  cusum,
  neighbours,
  twin,
  'two-sigma': twoSigma,
} as Record<string, Plugin<'detector'>>);
