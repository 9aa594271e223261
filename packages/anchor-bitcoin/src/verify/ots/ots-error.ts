/** Bytes that are not an OpenTimestamps proof as the reference client reads it. */
export class OtsError extends Error {
  override readonly name = 'OtsError';
  readonly code = 'bad_ots';
}
