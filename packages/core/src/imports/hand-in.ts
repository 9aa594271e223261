import type { InboundMessage, IngestAnswer, IngestItem } from '../spi/index.js';
import type { ImportedReading } from './meter-series.js';

/** Readings of one message to the pipeline, as long as it takes so many. */
const READINGS_PER_MESSAGE = 500;
/** What the limits of the gateway say of a message that half as many readings may not be too long for. */
const TOO_LONG = ['message_too_large', 'too_many_items'];

type Answer =
  | Extract<IngestAnswer, { kind: 'retry' }>
  | {
      readonly kind: 'items';
      readonly items: readonly Pick<IngestItem, 'verdict' | 'reason' | 'detail'>[];
    };

/** A message to the pipeline: the readings from `from` on, and what became of them. */
interface HandedIn {
  readonly from: number;
  readonly answer: Answer;
}

/** A message that was refused as a whole, though its length is not what is wrong with it. */
export class MessageRefused extends Error {
  override readonly name = 'MessageRefused';

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
  }
}

/**
 * Hands readings in, message by message, up to the first that cannot be taken now. One that is too long is handed in as two; a single
 * reading that is, is rejected and stops no other. Throws `MessageRefused`.
 */
export async function* handedIn(
  readings: readonly ImportedReading[],
  accept: (
    message: Pick<InboundMessage, 'contentType' | 'bytes'>,
    readings: readonly ImportedReading[],
  ) => Promise<IngestAnswer>,
): AsyncGenerator<HandedIn> {
  let atOnce = READINGS_PER_MESSAGE;
  for (let from = 0; from < readings.length;) {
    const some = readings.slice(from, from + atOnce);
    const lines = some.map((document) => JSON.stringify({ format: 'reading/1', document }));
    const bytes = Buffer.from(lines.join('\n'), 'utf8');
    const answer = await accept({ contentType: 'application/x-ndjson', bytes }, some);
    if (answer.kind !== 'refused') {
      yield { from, answer };
      if (answer.kind === 'retry') return;
    } else if (!TOO_LONG.includes(answer.code))
      throw new MessageRefused(answer.code, answer.detail);
    else if (some.length > 1) {
      atOnce = Math.ceil(some.length / 2);
      continue;
    } else {
      const { code: reason, detail } = answer;
      yield { from, answer: { kind: 'items', items: [{ verdict: 'rejected', reason, detail }] } };
    }
    from += some.length;
  }
}
