import type { ReadingFacts } from '../verify/formats/format.js';
import type { Hold } from './hold.js';

/**
 * Step: a device that says itself that it does not know the time (OCMF, table 7: `U`) has not said when its energy was measured, and
 * a credit is one of an interval. Informative, relative and synchronised clocks are taken.
 */
export function checkClock({ timeStatus }: Pick<ReadingFacts, 'timeStatus'>): Hold | undefined {
  if (timeStatus !== 'U') return undefined;
  return {
    code: 'clock_unknown',
    detail:
      'the device marks its clock as never set; set it, or release the reading if its time is right',
  };
}
