/** Every way the meters' service refuses, with the HTTP status that goes with it. */
export const METER_ERRORS = {
  registration_invalid: 400,
  public_key_invalid: 400,
  alg_not_allowed: 400,
  key_id_mismatch: 400,
  key_not_prime_order: 400,
  key_not_on_curve: 400,
  key_request_invalid: 400,
  key_not_found: 404,
  key_known: 409,
  key_taken: 409,
  key_revoked: 409,
  key_proven: 409,
  keys_exhausted: 409,
  key_superseded: 409,
  recovery_not_owner: 403,
  recovery_needs_another: 403,
  recovery_closed: 409,
  recovery_stale: 409,
  possession_not_proven: 401,
  challenge_unknown: 401,
  meter_not_listed: 403,
  meter_not_found: 404,
  meter_taken: 409,
  meter_state_conflict: 409,
  register_direction_unknown: 400,
  register_duplicate: 400,
  register_credits_invalid: 400,
  register_credits_twice: 400,
  register_in_use: 409,
  registers_changed_meanwhile: 409,
  transfer_invalid: 400,
  transfer_to_self: 422,
  account_unknown: 422,
  transfer_not_yours: 403,
  transfer_not_found: 404,
  transfer_conflict: 409,
  transfer_closed: 409,
  transfer_expired: 409,
  reader_only: 403,
  range_invalid: 400,
  cursor_invalid: 400,
  throttled: 429,
} as const;
export type MeterErrorCode = keyof typeof METER_ERRORS;

/** Why something about a meter was refused. */
export class MeterError extends Error {
  override readonly name = 'MeterError';
  readonly status: number;

  constructor(
    readonly code: MeterErrorCode,
    message: string,
    /** With `throttled`: when to come back. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
    this.status = METER_ERRORS[code];
  }
}
