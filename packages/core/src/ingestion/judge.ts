import type { Authentication } from './authenticate.js';
import type { ReadItem } from './authenticator.js';
import type { IngestionConfig } from './ingestion.config.js';
import { checkEnergy } from './energy-rule.js';
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

/** Steps time → storable → rules, in this order; the first refusal ends them, the first hold is the reason given. */
export function judge(
  { document, reading }: ReadItem,
  authentication: Authentication,
  now: { readonly ms: number; readonly backfill: boolean },
  config: IngestionConfig,
): Judgement | Refusal {
  const { format } = document;
  const refused =
    checkTime(reading, now.ms, now.backfill, config.time) ??
    checkStorable(format, reading, config.limits.idBytes);
  if (refused !== undefined) return refused;
  const finding = checkEnergy(format, reading, authentication.meter?.ratingW, config.energy);
  if (finding instanceof Refusal) return finding;
  const { hold } = authentication;
  if (hold !== undefined) return { verdict: 'quarantined', reason: hold.code, detail: hold.detail };
  if (finding !== undefined)
    return { verdict: 'quarantined', reason: finding.hold, detail: finding.detail };
  return ACCEPTED;
}
