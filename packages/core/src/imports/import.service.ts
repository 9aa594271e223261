import type { InboundMessage, IngestAnswer } from '../spi/index.js';
import {
  type Clock,
  CollectionConflict,
  type Collections,
  type StoredDocument,
} from '../spi/index.js';
import type { CanonicalDocument } from '../verify/formats/format.js';
import { checkDigest, checkPlace, digestTo, type FilePart, misplaced } from './file-part.js';
import { type ImportedFile, MAX_REFUSED_KEPT, type RefusedRow } from './imported-file.js';
import { ImportError } from './import-error.js';
import type { ImportMapping } from './mapping.js';
import { MeterSeries } from './meter-series.js';
import type { ImportsConfig } from './imports.config.js';
import { pruneImports } from './prune-imports.js';
import { readRows } from './read-rows.js';
import { checkForms, handIn, type Judged } from './reading-judgement.js';
import { readingsOf, spanWith } from './row-readings.js';

/** Bytes of a mapping as JSON: it is kept with the import. */
const MAX_MAPPING_BYTES = 131_072;

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
  /** Which import of the same file this is, from 1: what is done can be done again once meters or rules have changed. */
  readonly attempt: number;
}

/** Collections an import is kept in. */
export const IMPORT_COLLECTIONS = [
  { name: 'files', version: 2, indexes: ['accountId', 'updatedAtMs'] },
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
      readonly config: ImportsConfig;
      /** SHA-256, hex. */
      readonly digest: (text: string) => string;
      readonly accept: (
        message: InboundMessage & { readonly importer: Importer },
      ) => Promise<IngestAnswer>;
      /** Throws `FormatError`. */
      readonly readDocument: (format: string, text: string) => CanonicalDocument;
    },
  ) {}

  /**
   * Begins an import, or finds the one of the same file, mapping, attempt and account again: `nextByte` says where it goes on. Throws
   * `ImportError` `mapping_too_large`.
   */
  async begin(asked: NewImport, importer: Importer): Promise<ImportedFile> {
    const { collections, clock, digest } = this.parts;
    const { sha256, dryRun, mapping, name, sizeBytes, attempt } = asked;
    const mappingBytes = Buffer.byteLength(JSON.stringify(mapping));
    if (mappingBytes > MAX_MAPPING_BYTES)
      throw new ImportError(
        'mapping_too_large',
        `the mapping has ${mappingBytes} bytes as JSON, at most ${MAX_MAPPING_BYTES} are taken; split the file by meter`,
      );
    const { accountId } = importer;
    const what = JSON.stringify([accountId, sha256, sizeBytes, dryRun, mapping, attempt]);
    const id = digest(`wattproof/import/v1\n${what}`).slice(0, 32);
    const nowMs = clock.nowMs();
    const fresh: ImportedFile = {
      id,
      accountId,
      by: importer.by,
      name,
      sha256,
      sizeBytes,
      mapping,
      dryRun,
      attempt,
      state: 'open',
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      nextByte: 0,
      hashed: '',
      counts: { rows: 0, readings: 0, missingValues: 0, verdicts: {}, refused: 0 },
      ahead: 0,
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
   * Takes the next part of the file. Resolves when its complete rows are done, or as many as are read at once; what follows them
   * belongs to the next part. After a `retry` the same part goes on where it came to. Throws `ImportError`.
   */
  async take(
    id: string,
    part: FilePart,
    importer: Importer,
  ): Promise<ImportedFile | Extract<IngestAnswer, { kind: 'retry' }>> {
    const kept = await this.parts.collections.get('files', id);
    if (kept === undefined) throw new ImportError('import_not_found', `there is no import ${id}`);
    const file = kept.value as unknown as ImportedFile;
    checkPlace(file, part);
    checkDigest(file, part);
    const read = readRows(part.bytes, file.mapping, file.columns, part.last, part.fromByte);
    if (read.bytes === 0 && part.bytes.length > 0)
      throw new ImportError(
        'file_unreadable',
        `no row ends within the ${part.bytes.length} bytes from byte ${part.fromByte}; rows end with LF or CRLF: send a larger part, or look for a quote that nothing closes`,
      );
    const header = file.columns === undefined && read.columns !== undefined ? 1 : 0;
    const series = new MeterSeries(file.mapping, file.carry);
    const found = readingsOf(read.rows, series, file.counts.rows + header);
    // Those that were handed in before the gateway could take no more.
    const left = found.readings.slice(file.ahead);
    const judged = file.dryRun
      ? checkForms(left, this.parts.readDocument)
      : await handIn(left, (message) => this.parts.accept({ ...message, importer }));
    const { retry, done } = judged;
    if (retry !== undefined) {
      if (done > 0) {
        const counts = { ...file.counts, ...this.judgedCounts(file, judged.refused, judged) };
        await this.keep(kept, { ...file, ahead: file.ahead + done, counts }, judged.refused);
      }
      return retry;
    }
    const refused = [...found.refused, ...judged.refused].toSorted((a, b) => a.row - b.row);
    const isDone = part.last && read.bytes === part.bytes.length;
    const { counts } = file;
    const next: ImportedFile = {
      ...file,
      ...(read.columns === undefined ? {} : { columns: read.columns }),
      ...spanWith(file, found.readings),
      state: isDone ? 'done' : 'open',
      nextByte: part.fromByte + read.bytes,
      hashed: isDone ? '' : digestTo(file).update(part.bytes.subarray(0, read.bytes)).kept,
      ahead: Math.max(0, file.ahead - found.readings.length),
      carry: isDone ? { registers: {} } : series.carry,
      counts: {
        rows: counts.rows + read.rows.length + header,
        readings: counts.readings + found.readings.length,
        missingValues: counts.missingValues + found.missingValues,
        ...this.judgedCounts(file, refused, judged),
      },
    };
    return this.keep(kept, next, refused);
  }

  /** Forgets the imports that are older than they are kept, with their reports. */
  prune(signal?: AbortSignal): Promise<void> {
    const { collections, clock, config } = this.parts;
    return pruneImports(collections, clock.nowMs() - config.keepMs, signal);
  }

  private judgedCounts(
    { counts }: ImportedFile,
    refused: readonly RefusedRow[],
    { verdicts }: Judged,
  ): Pick<ImportedFile['counts'], 'verdicts' | 'refused'> {
    return {
      verdicts: added(counts.verdicts, verdicts),
      refused: counts.refused + refused.length,
    };
  }

  /** The place, together with the report on what was read up to it. Throws `ImportError` when somebody else was first. */
  private async keep(
    { key: id, value, version }: StoredDocument,
    next: ImportedFile,
    refused: readonly RefusedRow[],
  ): Promise<ImportedFile> {
    const { collections, clock } = this.parts;
    const before = value as unknown as ImportedFile;
    const written = { ...next, updatedAtMs: clock.nowMs() };
    const room = Math.max(0, MAX_REFUSED_KEPT - before.counts.refused);
    try {
      await collections.batch([
        {
          op: 'put',
          collection: 'files',
          key: id,
          value: stored(written),
          expectedVersion: version,
        },
        ...refused.slice(0, room).map((row, at) => ({
          op: 'put' as const,
          collection: 'refused',
          key: `${id}/${digits(row.row)}/${digits(before.counts.refused + at)}`,
          value: { ...row },
        })),
      ]);
    } catch (error) {
      if (!(error instanceof CollectionConflict)) throw error;
      // Somebody else sent the same part meanwhile; their readings were the same.
      const now = await this.get(id);
      throw misplaced(now?.nextByte ?? 0, before.nextByte);
    }
    return written;
  }
}

function added(
  before: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...before };
  for (const [verdict, count] of Object.entries(more)) sum[verdict] = (sum[verdict] ?? 0) + count;
  return sum;
}

/** Sorts as text as the number does. */
const digits = (number: number): string => String(number).padStart(12, '0');

const stored = (file: ImportedFile): Record<string, never> =>
  JSON.parse(JSON.stringify(file)) as Record<string, never>;
