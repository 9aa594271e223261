/**
 * Why a ledger refused, as a closed set: the engine decides retry from it and never from a message.
 * Transient: `unavailable`, `underpriced`, `insufficient-funds`, `capped`, `conflict`, `expired`.
 * Final for these bytes: `invalid`, `rejected`. For a replacement: `irreplaceable`, the ledger keeps what waits on its
 * conflict key whatever is offered; a child can still pay for that, where `capabilities.bump` has `child`. Not a failure: `known`. `not-found`: nothing there yet.
 */
export const ANCHOR_ERROR_REASONS = [
  'invalid',
  'rejected',
  'underpriced',
  'insufficient-funds',
  'capped',
  'conflict',
  'irreplaceable',
  'expired',
  'not-found',
  'unavailable',
] as const;
export type AnchorErrorReason = (typeof ANCHOR_ERROR_REASONS)[number];

export class AnchorError extends Error {
  override readonly name = 'AnchorError';

  constructor(
    readonly reason: AnchorErrorReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Structural: an error thrown by a plugin with its own copy of core is still recognised. */
export function isAnchorError(value: unknown): value is AnchorError {
  return (
    value instanceof Error &&
    value.name === 'AnchorError' &&
    'reason' in value &&
    (ANCHOR_ERROR_REASONS as readonly unknown[]).includes(value.reason)
  );
}
