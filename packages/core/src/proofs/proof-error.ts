/** Why there is no proof. `code` is stable; the texts of the first two are those clients already know. */
export class ProofError extends Error {
  override readonly name = 'ProofError';

  constructor(
    readonly code:
      | 'log_not_found'
      | 'log_not_batched'
      | 'checkpoint_not_found'
      | 'size_invalid'
      | 'not_anchored'
      | 'not_exportable',
    message: string,
  ) {
    super(message);
  }
}
