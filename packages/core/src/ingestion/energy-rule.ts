import type { ReadingFacts } from '../verify/formats/format.js';
import type { IngestionConfig } from './ingestion.config.js';
import type { Hold } from './hold.js';
import { Refusal } from './refusal.js';

const UWH_PER_KWH = 1_000_000_000n;

/**
 * Step: a submitted reading says 0 < kWh ≤ `maxSubmittedKWh`; an interval says 0 or more, and what exceeds rated power ×
 * duration by more than the tolerance is held, when the meter states a rating. Integers throughout.
 */
export function checkEnergy(
  reading: Pick<ReadingFacts, 'energies' | 'startsMs' | 'endsMs'>,
  isSubmitted: boolean,
  ratingW: number | undefined,
  { maxSubmittedKWh, ratingTolerancePercent }: IngestionConfig['energy'],
): Refusal | Hold | undefined {
  if (isSubmitted) {
    const most = BigInt(maxSubmittedKWh) * UWH_PER_KWH;
    for (const { energyUWh } of reading.energies)
      if (energyUWh <= 0n || energyUWh > most)
        return new Refusal(
          'energy_out_of_range',
          `${energyUWh} µWh is not more than 0 and at most ${maxSubmittedKWh} kWh`,
        );
  }
  const durationMs = reading.endsMs - reading.startsMs;
  // A point says when, and not how long it took.
  if (ratingW === undefined || durationMs === 0) return undefined;
  // 1 W for 1 ms is 1/3.6 µWh, so with the tolerance in per cent: µWh × 360 ≤ W × ms × (100 + tolerance), all exact.
  const allowed = BigInt(ratingW) * BigInt(durationMs) * BigInt(100 + ratingTolerancePercent);
  for (const { register, energyUWh } of reading.energies)
    if (energyUWh * 360n > allowed)
      return {
        code: 'energy_above_rating',
        detail: `register ${register} has ${energyUWh} µWh, more than ${ratingW} W give in ${durationMs} ms`,
      };
  return undefined;
}
