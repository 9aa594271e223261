import type { Carry } from './meter-series.js';
import type { ImportMapping } from './mapping.js';

/** A file that is being imported, or was. */
export interface ImportedFile {
  readonly id: string;
  readonly accountId: string;
  /** Who began it. */
  readonly by: string;
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mapping: ImportMapping;
  /** Nothing is stored: rows are read, checked and counted. */
  readonly dryRun: boolean;
  /** Which import of the same file it is, from 1. */
  readonly attempt: number;
  readonly state: 'open' | 'done';
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Everything before it is done: where the next part begins. */
  readonly nextByte: number;
  /** What of the bytes before it the SHA-256 of the whole needs; empty when there are none. */
  readonly hashed: string;
  readonly counts: ImportCounts;
  /** Readings of the rows behind it that were handed in before the gateway could take no more. */
  readonly ahead: number;
  /** Of the first and the last reading. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Names that the mapping reads, each at its place in the file's first row; the others are empty. */
  readonly columns?: readonly string[];
  readonly carry: Carry;
}

export interface ImportCounts {
  readonly rows: number;
  /** Documents the rows became. */
  readonly readings: number;
  /** Values of registers that are not in the file; a longer interval stands for each run of them. */
  readonly missingValues: number;
  /** What became of the readings, by verdict; nothing in a dry run. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Rows, and values of rows, that became no reading, and readings that were refused. */
  readonly refused: number;
}

/** One line of the report. */
export interface RefusedRow {
  /** 1 is the file's first row, that of the names of columns. */
  readonly row: number;
  readonly code: string;
  readonly detail: string;
}

/** Refused rows kept of one import; all are counted. */
export const MAX_REFUSED_KEPT = 10_000;
