import type { IngestAnswer, IngestItem } from '../../spi/index.js';
import { meaningOf } from '../../ingestion/verdict-codes.js';
import { Problem, retryLater } from './problem.js';

/** Why a whole message was not taken. */
export function problemOfAnswer(answer: Exclude<IngestAnswer, { kind: 'items' }>): Problem {
  if (answer.kind === 'refused') {
    return new Problem(meaningOf(answer.code).status, answer.code, answer.detail);
  }
  return answer.code === 'throttled'
    ? retryLater(
        429,
        'throttled',
        'More readings are waiting than can be committed soon. Nothing was kept; send it again later.',
        answer.retryAfterMs,
      )
    : retryLater(
        503,
        'store_unavailable',
        'The store cannot be reached. Nothing was kept; send it again later.',
        answer.retryAfterMs,
      );
}

/** Why one document was rejected, when it was sent alone. */
export function problemOfItem(item: IngestItem): Problem {
  const code = item.reason ?? 'rejected';
  return new Problem(
    meaningOf(code).status,
    code,
    item.detail ?? code,
    {},
    { verdict: item.verdict, leaf_hash: item.leaf_hash },
  );
}
