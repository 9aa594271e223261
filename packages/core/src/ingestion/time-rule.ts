import type { ReadingFacts } from '../verify/formats/format.js';
import type { IngestionConfig } from './ingestion.config.js';
import { Refusal } from './refusal.js';

/**
 * Step: a reading may end at most `maxFutureMs` ahead of the clock and must not have ended more than `maxAgeMs` ago,
 * both to the millisecond and both inclusive. `backfill` lifts the age, never the future.
 */
export function checkTime(
  reading: Pick<ReadingFacts, 'endsMs'>,
  nowMs: number,
  backfill: boolean,
  { maxFutureMs, maxAgeMs }: IngestionConfig['time'],
): Refusal | undefined {
  const aheadMs = reading.endsMs - nowMs;
  if (aheadMs > maxFutureMs)
    return new Refusal(
      'in_future',
      `the reading ends ${aheadMs} ms ahead of the gateway's clock, at most ${maxFutureMs} ms are taken; check the device's clock`,
    );
  if (maxAgeMs !== 'none' && !backfill && -aheadMs > maxAgeMs)
    return new Refusal(
      'too_old',
      `the reading ended ${-aheadMs} ms ago, at most ${maxAgeMs} ms are taken without the scope "backfill"`,
    );
  return undefined;
}
