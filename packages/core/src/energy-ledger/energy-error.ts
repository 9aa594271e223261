import type { HoldOutcome, RefusedLine } from './energy.store.js';

/** Every way the energy ledger refuses, with the HTTP status that goes with it. */
export const ENERGY_ERRORS = {
  claim_invalid: 400,
  hold_invalid: 400,
  energy_not_available: 409,
  key_conflict: 409,
  hold_refused: 409,
  hold_unknown: 404,
  throttled: 429,
} as const;
export type EnergyErrorCode = keyof typeof ENERGY_ERRORS;

/** Why energy could not be claimed or promised. */
export class EnergyError extends Error {
  override readonly name = 'EnergyError';
  readonly status: number;

  constructor(
    readonly code: EnergyErrorCode,
    message: string,
    /** With `energy_not_available`: each interval that is in the way, with its balances in µWh. */
    readonly lines: readonly RefusedLine[] = [],
    /** With `hold_refused`. */
    readonly reason?: Extract<HoldOutcome, { kind: 'refused' }>['code'],
  ) {
    super(message);
    this.status = ENERGY_ERRORS[code];
  }
}
