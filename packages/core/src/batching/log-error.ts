/** Why the log cannot go on, or a key cannot be used. `code` is stable. */
export class LogError extends Error {
  override readonly name = 'LogError';

  constructor(
    readonly code:
      | 'log_rolled_back'
      | 'log_key_invalid'
      | 'log_key_unreadable'
      | 'log_mark_invalid'
      | 'log_mark_missing',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function rolledBack(message: string): LogError {
  return new LogError(
    'log_rolled_back',
    `${message} The database is older than the key or a ledger. Run "gateway recover".`,
  );
}
