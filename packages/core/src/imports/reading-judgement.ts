import type { InboundMessage, IngestAnswer } from '../spi/index.js';
import { type CanonicalDocument, FormatError } from '../verify/formats/format.js';
import type { RefusedRow } from './imported-file.js';
import { ImportError } from './import-error.js';
import type { RowReading } from './row-readings.js';

/** Documents of one message to the pipeline. */
const READINGS_PER_MESSAGE = 500;

/** What became of readings. */
export interface Judged {
  readonly verdicts: Readonly<Record<string, number>>;
  readonly refused: readonly RefusedRow[];
  /** How many, from the first on; fewer than were given when the gateway cannot take the next ones now. */
  readonly done: number;
  readonly retry?: Extract<IngestAnswer, { kind: 'retry' }>;
}

/** What a dry run can say: whether each reading has a form that would be taken. `readDocument` throws `FormatError`. */
export function checkForms(
  readings: readonly RowReading[],
  readDocument: (format: string, text: string) => CanonicalDocument,
): Judged {
  const refused: RefusedRow[] = [];
  for (const { row, document } of readings)
    try {
      readDocument('reading/1', JSON.stringify(document));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refused.push({ row, code: error.code, detail: error.message });
    }
  return { verdicts: {}, refused, done: readings.length };
}

/** Hands the readings in, message by message, up to the first that cannot be taken now. Throws `ImportError`. */
export async function handIn(
  readings: readonly RowReading[],
  accept: (message: InboundMessage) => Promise<IngestAnswer>,
): Promise<Judged> {
  const verdicts: Record<string, number> = {};
  const refused: RefusedRow[] = [];
  for (let from = 0; from < readings.length; from += READINGS_PER_MESSAGE) {
    const some = readings.slice(from, from + READINGS_PER_MESSAGE);
    const lines = some.map(({ document }) => JSON.stringify({ format: 'reading/1', document }));
    const answer = await accept({
      contentType: 'application/x-ndjson',
      bytes: Buffer.from(lines.join('\n'), 'utf8'),
      assurance: 'import',
      vouchesFor: [...new Set(some.map(({ document }) => document['meter']!))],
    });
    if (answer.kind === 'retry') return { verdicts, refused, done: from, retry: answer };
    if (answer.kind === 'refused')
      throw new ImportError('file_unreadable', `${answer.code}: ${answer.detail}`);
    for (const [at, { verdict, reason, detail }] of answer.items.entries()) {
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
      if (verdict === 'rejected')
        refused.push({ row: some[at]!.row, code: reason ?? 'rejected', detail: detail ?? '' });
    }
  }
  return { verdicts, refused, done: readings.length };
}
