/** Why a store cannot be opened, or refuses what it was asked. */
export type StoreErrorCode =
  | 'store_url'
  | 'store_in_use'
  | 'store_too_old'
  | 'store_too_new'
  | 'store_driver_missing'
  | 'store_other_log';

export class StoreError extends Error {
  override readonly name = 'StoreError';

  constructor(
    readonly code: StoreErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
