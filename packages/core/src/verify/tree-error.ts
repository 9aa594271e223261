/** A tree was asked for something it cannot have. `code` is stable. */
export class TreeError extends Error {
  override readonly name = 'TreeError';

  constructor(
    readonly code: 'bad_leaf' | 'bad_salt' | 'bad_index' | 'bad_size' | 'bad_tile' | 'not_finished',
    message: string,
  ) {
    super(message);
  }
}
