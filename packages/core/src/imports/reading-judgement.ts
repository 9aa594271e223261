import type { InboundMessage, IngestAnswer } from '../spi/index.js';
import { type CanonicalDocument, FormatError } from '../verify/formats/format.js';
import type { RefusedRow } from './imported-file.js';
import { ImportError } from './import-error.js';
import { handedIn, MessageRefused } from './hand-in.js';
import type { RowReading } from './row-readings.js';

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
  const documents = readings.map(({ document }) => document);
  const messages = handedIn(documents, (message, some) =>
    accept({
      ...message,
      assurance: 'import',
      vouchesFor: [...new Set(some.map((document) => document['meter']!))],
    }),
  );
  try {
    for await (const { from, answer } of messages) {
      if (answer.kind === 'retry') return { verdicts, refused, done: from, retry: answer };
      for (const [at, { verdict, reason, detail }] of answer.items.entries()) {
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
        if (verdict !== 'rejected') continue;
        const { row } = readings[from + at]!;
        refused.push({ row, code: reason ?? 'rejected', detail: detail ?? '' });
      }
    }
  } catch (cause) {
    if (!(cause instanceof MessageRefused)) throw cause;
    throw new ImportError('file_unreadable', cause.message, { cause });
  }
  return { verdicts, refused, done: readings.length };
}
