import { Problem, retryLater } from './problem.js';

/** Milliseconds a caller waits when an error does not say how long. */
const RETRY_AFTER_MS = 1000;

/** HTTP status of domain errors, by their stable code. What is not listed is a 500 without detail. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  // seed texts
  no_unbatched_logs: 400,
  log_not_found: 404,
  batch_not_found: 404,
  log_not_batched: 400,
  // proofs and checkpoints
  checkpoint_not_found: 404,
  size_invalid: 400,
  not_anchored: 409,
  not_exportable: 409,
  erased: 410,
  // meters
  meter_not_found: 404,
  meter_taken: 409,
  meter_state: 409,
  site_archived: 422,
  challenge_invalid: 401,
  proof_invalid: 401,
  // anchors
  unknown_anchor: 404,
  // requests
  cursor_invalid: 400,
  bad_cursor: 400,
  json_invalid: 400,
  api_key_not_found: 404,
  log_rolled_back: 503,
  log_mark_missing: 503,
  log_mark_invalid: 503,
};

interface CodedError extends Error {
  readonly code: string;
  readonly status?: unknown;
  readonly retryAfterMs?: unknown;
}

function isCoded(error: unknown): error is CodedError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/** The problem an error is told as. Errors without a known code are told as `internal`, without their text. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isCoded(error)) {
    const retryAfterMs =
      typeof error.retryAfterMs === 'number' ? error.retryAfterMs : RETRY_AFTER_MS;
    if (error.code === 'store_unavailable' || error.code === 'lease_lost') {
      return retryLater(503, error.code, UNAVAILABLE, retryAfterMs);
    }
    if (error.code === 'throttled') return retryLater(429, error.code, error.message, retryAfterMs);
    if (error.name === 'FormatError') {
      return new Problem(400, error.code, error.message, {}, {}, { cause: error });
    }
    const fastify =
      error.code.startsWith('FST_ERR_') &&
      typeof (error as { statusCode?: unknown }).statusCode === 'number';
    if (fastify) return ofFastify(error as CodedError & { statusCode: number });
    const status = typeof error.status === 'number' ? error.status : STATUS_OF_CODE[error.code];
    if (status !== undefined && status >= 400 && status < 500) {
      return new Problem(status, error.code, error.message, {}, {}, { cause: error });
    }
    if (status === 503) return retryLater(503, error.code, error.message, retryAfterMs);
  }
  return new Problem(
    500,
    'internal',
    'The gateway failed to answer; the failure is in its log.',
    {},
    {},
    { cause: error },
  );
}

const UNAVAILABLE = 'The store cannot be reached. Nothing was kept; send it again later.';

const FASTIFY_CODES: Readonly<Record<number, string>> = {
  400: 'request_invalid',
  413: 'message_too_large',
  415: 'content_type_unknown',
};

function ofFastify(error: CodedError & { readonly statusCode: number }): Problem {
  return new Problem(
    error.statusCode,
    FASTIFY_CODES[error.statusCode] ?? 'request_invalid',
    error.message,
    {},
    {},
    { cause: error },
  );
}
