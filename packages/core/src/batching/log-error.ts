/** Why the log cannot go on, or a key cannot be used. `code` is stable. */
export class LogError extends Error {
  override readonly name = 'LogError';

  constructor(
    readonly code:
      | 'log_rolled_back'
      | 'log_key_invalid'
      | 'log_key_unreadable'
      | 'log_mark_invalid',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
