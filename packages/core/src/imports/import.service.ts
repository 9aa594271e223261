import type { InboundMessage, IngestAnswer } from '../spi/index.js';
import { type Clock, CollectionConflict, type Collections } from '../spi/index.js';
import { FormatError, type CanonicalDocument } from '../verify/formats/format.js';
import { type ImportedFile, MAX_REFUSED_KEPT, type RefusedRow } from './imported-file.js';
import { ImportError, RowRefusal } from './import-error.js';
import type { ImportMapping } from './mapping.js';
import { type ImportedReading, MeterSeries } from './meter-series.js';
import { readRows } from './read-rows.js';

/** Documents of one message to the pipeline. */
const READINGS_PER_MESSAGE = 500;

/** Who imports, as the pipeline wants it. */
export interface Importer {
  readonly accountId: string;
  readonly by: string;
  /** An operator's: it may import for the meters of every account. */
  readonly everyAccount: boolean;
}

export interface NewImport {
  readonly name: string;
  /** Of the whole file, 64 hex. The same file with the same mapping is the same import. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mapping: ImportMapping;
  readonly dryRun: boolean;
}

/** Collections an import is kept in. */
export const IMPORT_COLLECTIONS = [
  { name: 'files', version: 1, indexes: ['accountId'] },
  { name: 'refused', version: 1 },
] as const;

/**
 * Files of readings, taken part by part: a part is done when its readings are committed and the place behind it is, in this
 * order, so that a crash in between makes duplicates that ingestion knows, and never loses a row.
 */
export class ImportService {
  constructor(
    private readonly parts: {
      readonly collections: Collections;
      readonly clock: Clock;
      /** SHA-256, hex. */
      readonly digest: (text: string) => string;
      readonly accept: (
        message: InboundMessage & { readonly importer: Importer },
      ) => Promise<IngestAnswer>;
      /** Throws `FormatError`. */
      readonly readDocument: (format: string, text: string) => CanonicalDocument;
    },
  ) {}

  /** Begins an import, or finds the one of the same file, mapping and account again: `nextByte` says where it goes on. */
  async begin(asked: NewImport, importer: Importer): Promise<ImportedFile> {
    const { collections, clock, digest } = this.parts;
    const { sha256, dryRun, mapping, name, sizeBytes } = asked;
    const what = JSON.stringify([importer.accountId, sha256, dryRun, mapping]);
    const id = digest(`wattproof/import/v1\n${what}`).slice(0, 32);
    const nowMs = clock.nowMs();
    const fresh: ImportedFile = {
      id,
      accountId: importer.accountId,
      by: importer.by,
      name,
      sha256,
      sizeBytes,
      mapping,
      dryRun,
      state: 'open',
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      nextByte: 0,
      counts: { rows: 0, readings: 0, missingValues: 0, verdicts: {}, refused: 0 },
      carry: { registers: {} },
    };
    try {
      await collections.put('files', id, stored(fresh), 0);
      return fresh;
    } catch (error) {
      if (!(error instanceof CollectionConflict)) throw error;
      return (await this.get(id))!;
    }
  }

  async get(id: string): Promise<ImportedFile | undefined> {
    const found = await this.parts.collections.get('files', id);
    return found === undefined ? undefined : (found.value as unknown as ImportedFile);
  }

  /** By id. `accountId` absent: of every account. */
  async list(query: {
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly ImportedFile[]; readonly cursor?: string }> {
    const { accountId, ...page } = query;
    const { items, ...rest } = await this.parts.collections.range('files', {
      ...page,
      ...(accountId === undefined ? {} : { by: 'accountId', from: accountId, to: accountId }),
    });
    return { ...rest, items: items.map(({ value }) => value as unknown as ImportedFile) };
  }

  /** The report: refused rows in the order of the file. */
  async refused(
    id: string,
    query: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly items: readonly RefusedRow[]; readonly cursor?: string }> {
    const { items, ...rest } = await this.parts.collections.range('refused', {
      ...query,
      from: `${id}/`,
      to: `${id}/~`,
    });
    return { ...rest, items: items.map(({ value }) => value as unknown as RefusedRow) };
  }

  /**
   * Takes the part of the file that begins at `fromByte`; `last` when it ends the file. Resolves when its complete rows are
   * done; what follows them belongs to the next part. A `retry` left everything as it was: send the same part again. Throws
   * `ImportError`.
   */
  async take(
    id: string,
    part: { readonly fromByte: number; readonly bytes: Uint8Array; readonly last: boolean },
    importer: Importer,
  ): Promise<ImportedFile | Extract<IngestAnswer, { kind: 'retry' }>> {
    const { collections, clock } = this.parts;
    const kept = await collections.get('files', id);
    if (kept === undefined) throw new ImportError('import_not_found', `there is no import ${id}`);
    const file = kept.value as unknown as ImportedFile;
    checkPlace(file, part.fromByte);
    const read = readRows(part.bytes, file.mapping, file.columns, part.last);
    const header = file.columns === undefined && read.columns !== undefined ? 1 : 0;
    if (read.bytes === 0 && part.bytes.length > 0)
      throw new ImportError(
        'file_unreadable',
        `no row ends within the ${part.bytes.length} bytes from byte ${part.fromByte}; send a larger part`,
      );
    const series = new MeterSeries(file.mapping, file.carry);
    const found = readingsOf(read.rows, series, file.counts.rows + header);
    const judged = file.dryRun
      ? this.check(found.readings)
      : await this.submit(found.readings, importer);
    if ('kind' in judged) return judged;
    const refused = [...found.refused, ...judged.refused].toSorted((a, b) => a.row - b.row);
    const { counts } = file;
    const times = found.readings.flatMap(({ document }) => [
      Date.parse(document['start']!),
      Date.parse(document['end']!),
    ]);
    const next: ImportedFile = {
      ...file,
      state: part.last ? 'done' : 'open',
      updatedAtMs: clock.nowMs(),
      nextByte: part.fromByte + read.bytes,
      ...(read.columns === undefined ? {} : { columns: read.columns }),
      carry: part.last ? { registers: {} } : series.carry,
      counts: {
        rows: counts.rows + read.rows.length + header,
        readings: counts.readings + found.readings.length,
        missingValues: counts.missingValues + found.missingValues,
        verdicts: added(counts.verdicts, judged.verdicts),
        refused: counts.refused + refused.length,
      },
      ...span(file, times),
    };
    const room = Math.max(0, MAX_REFUSED_KEPT - counts.refused);
    try {
      await collections.batch([
        {
          op: 'put',
          collection: 'files',
          key: id,
          value: stored(next),
          expectedVersion: kept.version,
        },
        ...refused.slice(0, room).map((row, at) => ({
          op: 'put' as const,
          collection: 'refused',
          key: `${id}/${String(row.row).padStart(12, '0')}/${String(at).padStart(6, '0')}`,
          value: { ...row },
        })),
      ]);
    } catch (error) {
      if (!(error instanceof CollectionConflict)) throw error;
      // Somebody else sent the same part meanwhile; their readings were the same.
      const now = await this.get(id);
      throw misplaced(now?.nextByte ?? 0, part.fromByte);
    }
    return next;
  }

  /** What a dry run can say: whether each reading has a form that would be taken. */
  private check(readings: readonly RowReading[]): Judged {
    const refused: RefusedRow[] = [];
    for (const { row, document } of readings)
      try {
        this.parts.readDocument('reading/1', JSON.stringify(document));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        refused.push({ row, code: error.code, detail: error.message });
      }
    return { verdicts: {}, refused };
  }

  private async submit(
    readings: readonly RowReading[],
    importer: Importer,
  ): Promise<Judged | Extract<IngestAnswer, { kind: 'retry' }>> {
    const verdicts: Record<string, number> = {};
    const refused: RefusedRow[] = [];
    for (let from = 0; from < readings.length; from += READINGS_PER_MESSAGE) {
      const some = readings.slice(from, from + READINGS_PER_MESSAGE);
      const lines = some.map(({ document }) => JSON.stringify({ format: 'reading/1', document }));
      const answer = await this.parts.accept({
        contentType: 'application/x-ndjson',
        bytes: Buffer.from(lines.join('\n'), 'utf8'),
        assurance: 'import',
        vouchesFor: [...new Set(some.map(({ document }) => document['meter']!))],
        importer,
      });
      if (answer.kind === 'retry') return answer;
      if (answer.kind === 'refused')
        throw new ImportError('file_unreadable', `${answer.code}: ${answer.detail}`);
      for (const [at, { verdict, reason, detail }] of answer.items.entries()) {
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
        if (verdict === 'rejected')
          refused.push({ row: some[at]!.row, code: reason ?? 'rejected', detail: detail ?? '' });
      }
    }
    return { verdicts, refused };
  }
}

interface RowReading {
  readonly row: number;
  readonly document: ImportedReading;
}

interface Judged {
  readonly verdicts: Readonly<Record<string, number>>;
  readonly refused: readonly RefusedRow[];
}

function readingsOf(
  rows: ReturnType<typeof readRows>['rows'],
  series: MeterSeries,
  rowsBefore: number,
): {
  readonly readings: readonly RowReading[];
  readonly refused: readonly RefusedRow[];
  readonly missingValues: number;
} {
  const readings: RowReading[] = [];
  const refused: RefusedRow[] = [];
  let missingValues = 0;
  for (const [at, one] of rows.entries()) {
    const row = rowsBefore + at + 1;
    const read =
      one instanceof RowRefusal
        ? { readings: [], refused: [one], missingValues: 0 }
        : series.read(one);
    missingValues += read.missingValues;
    for (const document of read.readings) readings.push({ row, document });
    for (const { code, detail } of read.refused) refused.push({ row, code, detail });
  }
  return { readings, refused, missingValues };
}

function checkPlace(file: ImportedFile, fromByte: number): void {
  if (file.state === 'done')
    throw new ImportError('import_finished', `import ${file.id} is done; every byte was taken`);
  if (fromByte !== file.nextByte) throw misplaced(file.nextByte, fromByte);
}

function misplaced(nextByte: number, fromByte: number): ImportError {
  return new ImportError(
    'import_position',
    `the next part begins at byte ${nextByte}, this one at byte ${fromByte}`,
  );
}

function added(
  before: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...before };
  for (const [verdict, count] of Object.entries(more)) sum[verdict] = (sum[verdict] ?? 0) + count;
  return sum;
}

function span(
  { fromMs, toMs }: ImportedFile,
  times: readonly number[],
): { readonly fromMs?: number; readonly toMs?: number } {
  let [from, to] = [fromMs, toMs];
  for (const ms of times) {
    from = Math.min(from ?? ms, ms);
    to = Math.max(to ?? ms, ms);
  }
  return {
    ...(from === undefined ? {} : { fromMs: from }),
    ...(to === undefined ? {} : { toMs: to }),
  };
}

const stored = (file: ImportedFile): Record<string, never> =>
  JSON.parse(JSON.stringify(file)) as Record<string, never>;
