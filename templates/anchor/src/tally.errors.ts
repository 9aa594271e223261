import { AnchorError, type AnchorErrorReason } from '@wattproof/core/spi';

/** Tally's own codes. The engine decides from the reason what to do next, so they are mapped here and nowhere else. */
const REASONS: Readonly<Record<string, AnchorErrorReason>> = {
  malformed: 'invalid',
  bad_signature: 'rejected',
  fee_too_low: 'underpriced',
  sequence_taken: 'conflict',
  balance_too_low: 'insufficient-funds',
  not_found: 'not-found',
};

/** What Tally answered when it did not do what was asked. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export function anchorErrorOf({ status, code, message }: Refusal): AnchorError {
  // Busy, limited or broken: it may work in a while, and says nothing about what was sent.
  if (status >= 500 || status === 429)
    return new AnchorError('unavailable', `Tally answered ${status}: ${message}`);
  return new AnchorError(
    REASONS[code] ?? 'rejected',
    `Tally refused: ${message} (${code}, ${status})`,
  );
}
