/** What can be in the way of a review, and its HTTP status. */
export const QUARANTINE_ERRORS = {
  quarantine_not_found: 404,
  quarantine_decided: 409,
  interval_taken: 409,
  meter_of_another: 409,
  erased: 410,
} as const;
export type QuarantineErrorCode = keyof typeof QUARANTINE_ERRORS;

export class QuarantineError extends Error {
  override readonly name = 'QuarantineError';
  readonly status: number;

  constructor(
    readonly code: QuarantineErrorCode,
    message: string,
  ) {
    super(message);
    this.status = QUARANTINE_ERRORS[code];
  }
}
