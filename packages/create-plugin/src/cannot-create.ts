/** Something is in the way or cannot be written; the message says what and what to do. */
export class CannotCreate extends Error {
  override readonly name = 'CannotCreate';

  constructor(
    readonly code: 'folder_not_empty' | 'not_writable',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
