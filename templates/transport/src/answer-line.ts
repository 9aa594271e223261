import type { IngestAnswer } from '@wattproof/core/spi';

/** One line per line taken. A device forgets a reading only when it reads `ok`; after `retry` it sends the same bytes again. */
export function answerLine(answer: IngestAnswer): string {
  switch (answer.kind) {
    case 'items':
      return `${JSON.stringify({ ok: true, items: answer.items })}\n`;
    case 'refused':
      return `${JSON.stringify({ ok: false, code: answer.code, detail: answer.detail })}\n`;
    case 'retry':
      return `${JSON.stringify({ ok: false, code: answer.code, retry_after_ms: answer.retryAfterMs })}\n`;
  }
}
