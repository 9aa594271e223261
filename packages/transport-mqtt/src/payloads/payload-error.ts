/** A payload that says nothing that can be used. `code` is stable and becomes the dead letter's. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
