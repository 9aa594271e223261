import type { ReadingFacts } from '../verify/formats/format.js';
import type { IngestionConfig } from './ingestion.config.js';
import { isPointReading } from './point-reading.js';
import { Refusal } from './refusal.js';

const UWH_PER_KWH = 1_000_000_000n;

/** What the energy rule found: refused for good, kept for review, or nothing. */
export type EnergyFinding =
  | Refusal
  | { readonly hold: 'energy_above_rating'; readonly detail: string }
  | undefined;

/**
 * Step: a submitted reading says 0 < kWh ≤ `maxSubmittedKWh`; an interval says 0 or more, and what exceeds rated power ×
 * duration by more than the tolerance is held, when the meter states a rating. Integers throughout.
 */
export function checkEnergy(
  format: string,
  reading: Pick<ReadingFacts, 'energies' | 'startsMs' | 'endsMs'>,
  ratingW: number | undefined,
  { maxSubmittedKWh, ratingTolerancePercent }: IngestionConfig['energy'],
): EnergyFinding {
  if (isPointReading(format, reading)) {
    const most = BigInt(maxSubmittedKWh) * UWH_PER_KWH;
    for (const { energyUWh } of reading.energies)
      if (energyUWh <= 0n || energyUWh > most)
        return new Refusal(
          'energy_out_of_range',
          `${energyUWh} µWh is not more than 0 and at most ${maxSubmittedKWh} kWh`,
        );
    return undefined;
  }
  if (ratingW === undefined) return undefined;
  // 1 W for 1 ms is 1/3.6 µWh, so with the tolerance in per cent: µWh × 360 ≤ W × ms × (100 + tolerance), all exact.
  const allowed =
    BigInt(ratingW) *
    BigInt(reading.endsMs - reading.startsMs) *
    BigInt(100 + ratingTolerancePercent);
  for (const { register, energyUWh } of reading.energies)
    if (energyUWh * 360n > allowed)
      return {
        hold: 'energy_above_rating',
        detail: `register ${register} has ${energyUWh} µWh, more than ${ratingW} W give in ${reading.endsMs - reading.startsMs} ms`,
      };
  return undefined;
}
