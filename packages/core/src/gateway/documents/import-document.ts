import type { ImportedFile } from '../../imports/index.js';

/** An import as the API tells it. */
export function importDocument(file: ImportedFile): object {
  const { counts, fromMs, toMs } = file;
  const instant = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString();
  return {
    id: file.id,
    account_id: file.accountId,
    name: file.name,
    sha256: file.sha256,
    size_bytes: file.sizeBytes,
    dry_run: file.dryRun,
    attempt: file.attempt,
    state: file.state,
    next_byte: file.nextByte,
    rows: counts.rows,
    readings: counts.readings,
    missing_values: counts.missingValues,
    verdicts: counts.verdicts,
    refused: counts.refused,
    from: instant(fromMs),
    to: instant(toMs),
    mapping: file.mapping,
    created_at: instant(file.createdAtMs),
    updated_at: instant(file.updatedAtMs),
  };
}
