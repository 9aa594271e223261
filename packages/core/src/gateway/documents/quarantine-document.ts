import type { StoredEntry } from '../../logs/entry.store.js';
import type { QuarantineItem } from '../../quarantine/quarantine.store.js';
import { signatureJson } from '../../verify/bundle.js';
import { toHex } from '../../verify/bytes.js';

/** A held reading as clients see it. `visible`: entries of others that may be named. */
export function quarantineDocument(
  item: QuarantineItem,
  visible: (entryId: string) => boolean = () => true,
): object {
  const { decision } = item;
  return {
    id: item.entryId,
    account_id: item.accountId,
    meter_id: item.meterId,
    reason: item.reason,
    state: item.state,
    held_at: instant(item.heldAtMs),
    decision:
      decision === undefined
        ? null
        : { by: decision.by, at: instant(decision.atMs), reason: decision.reason },
    others: item.others.filter(visible),
  };
}

/** What was said, and who signed it: complete, so that it convinces without this gateway. */
export function evidenceDocument(entry: StoredEntry): object {
  return {
    id: entry.id,
    format: entry.format,
    leaf_hash: toHex(entry.logHash),
    bytes: Buffer.from(entry.bytes).toString('base64'),
    received_at: instant(entry.receivedAtMs),
    assurance: entry.assurance,
    signature: entry.signature === undefined ? null : signatureJson(entry.signature),
  };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
