import {
  type IngestRow,
  REVOKED_MEANWHILE,
  type RowOutcome,
} from '../../ingestion/ingest.store.js';
import type { Sql } from './sql.js';

/** Rows, by their place, whose key was revoked after it was looked up: nothing is accepted under a key once its revocation stands. */
export async function refuseRevoked(
  tx: Sql,
  rows: readonly IngestRow[],
): Promise<ReadonlyMap<number, RowOutcome>> {
  const barred = new Map<number, RowOutcome>();
  const meters = new Set<string>();
  for (const { speaker } of rows) if (speaker !== undefined) meters.add(speaker.meterId);
  if (meters.size === 0) return barred;
  const revoked = await tx.query<{ of_meter: string; revoked_key: Uint8Array }>(
    'SELECT of_meter, revoked_key FROM revoked_keys($1::text[])',
    [[...meters]],
    { prepare: 'wattproof_revoked_keys' },
  );
  if (revoked.length === 0) return barred;
  rows.forEach(({ speaker }, place) => {
    if (speaker === undefined) return;
    const gone = revoked.some(
      ({ of_meter: of, revoked_key: key }) =>
        of === speaker.meterId && Buffer.compare(key, speaker.publicKey) === 0,
    );
    if (gone)
      barred.set(place, { kind: 'refused', code: 'key_revoked', detail: REVOKED_MEANWHILE });
  });
  return barred;
}
