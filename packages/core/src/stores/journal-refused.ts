import type { CommittedRow } from '../ingestion/ingest.store.js';

/** The log will not hold what was to be said of a change: the change must not happen either. */
export class JournalRefused extends Error {
  override readonly name = 'JournalRefused';
  readonly code = 'not_storable';

  /** Throws when a row was refused. One that the log holds already says what it says. */
  static unlessWritten(answers: readonly CommittedRow[]): void {
    for (const { outcome } of answers)
      if (outcome.kind === 'refused')
        throw new JournalRefused(
          `the log refuses what would be said of this change (${outcome.code}): ${outcome.detail}`,
        );
  }
}
