import type { Authentication } from './authenticate.js';
import type { ReadItem } from './authenticator.js';
import type { IngestionConfig } from './ingestion.config.js';
import { checkClock } from './clock-rule.js';
import { checkDirection } from './direction-rule.js';
import { checkEnergy } from './energy-rule.js';
import type { Inspect } from './hold.js';
import { isSubmitted } from './point-reading.js';
import { Refusal } from './refusal.js';
import { checkStorable } from './storable.js';
import { checkTime } from './time-rule.js';

/** What the pure rules say of a reading that somebody stands behind. */
export interface Judgement {
  readonly verdict: 'accepted' | 'quarantined';
  readonly reason?: string;
  readonly detail?: string;
}

const ACCEPTED: Judgement = { verdict: 'accepted' };

/**
 * Steps time → storable → energy → clock → direction → inspection, in this order; the first refusal ends them, the first hold is the
 * reason given, that of the sender before all.
 */
export function judge(
  { document, reading }: ReadItem,
  { meter, hold }: Pick<Authentication, 'meter' | 'hold'>,
  now: { readonly ms: number; readonly backfill: boolean },
  config: IngestionConfig,
  inspect?: Inspect,
): Judgement | Refusal {
  const { format } = document;
  const refused =
    checkTime(reading, now.ms, now.backfill, config.time) ??
    checkStorable(format, reading, config.limits.idBytes);
  if (refused !== undefined) return refused;
  const submitted = isSubmitted(format, document.reading ?? reading);
  const energy = checkEnergy(reading, submitted, meter?.ratingW, config.energy);
  if (energy instanceof Refusal) return energy;
  const held =
    hold ??
    checkClock(reading) ??
    energy ??
    checkDirection(reading, meter) ??
    inspect?.({ format, reading, nowMs: now.ms, ...(meter === undefined ? {} : { meter }) });
  return held === undefined
    ? ACCEPTED
    : { verdict: 'quarantined', reason: held.code, detail: held.detail };
}
