/** Every way users and keys are refused, with the HTTP status that goes with it. */
export const ACCOUNT_ERRORS = {
  user_invalid: 400,
  wallet_invalid: 400,
  user_not_found: 404,
  wallet_not_found: 404,
  wallet_taken: 409,
  user_disabled: 409,
  key_exceeds_user: 409,
  device_key_account: 409,
  scope_not_held: 403,
} as const;
export type AccountErrorCode = keyof typeof ACCOUNT_ERRORS;

/** Why something about users or keys was refused. */
export class AccountError extends Error {
  override readonly name = 'AccountError';
  readonly status: number;

  constructor(
    readonly code: AccountErrorCode,
    message: string,
  ) {
    super(message);
    this.status = ACCOUNT_ERRORS[code];
  }
}
