import type { IngestItem } from '@wattproof/core/spi';
import type { PubackReason } from '../link.js';

/** Codes of ingestion that say who it was, not what: the sender lacks the key or the right. HTTP answers 401 and 403. */
const NOT_AUTHORIZED: ReadonlySet<string> = new Set([
  'caller_invalid',
  'device_signature_required',
  'meter_unknown',
  'key_unknown',
  'key_revoked',
  'key_superseded',
  'key_not_yet_valid',
  'alg_not_allowed',
  'signature_invalid',
  'meter_mismatch',
  'meter_not_owned',
  'meter_suspended',
  'meter_retired',
  'scope_missing',
]);
/** Codes of rules that a well-formed reading breaks, and of limits. HTTP answers 409, 410, 413 and 422. */
const AGAINST_A_RULE: ReadonlySet<string> = new Set([
  'message_too_large',
  'item_too_large',
  'too_many_items',
  'in_future',
  'too_old',
  'energy_out_of_range',
  'not_storable',
  'interval_overlap',
  'timestamp_taken',
  'supersedes_unknown',
  'sequence_equivocation',
  'chain_gap',
  'chain_fork',
  'erased',
]);

/** MQTT 5 reason for what is refused for good. A code in no table is a format's: the payload is malformed. */
export function reasonOfRefusal(code: string): PubackReason {
  if (NOT_AUTHORIZED.has(code)) return 0x87;
  return AGAINST_A_RULE.has(code) ? 0x83 : 0x99;
}

/** One reason for all items: success unless every one was refused; of refusals the first. */
export function reasonOfItems(items: readonly IngestItem[]): PubackReason {
  const first = items[0];
  return first !== undefined && items.every(({ verdict }) => verdict === 'rejected')
    ? reasonOfRefusal(first.reason ?? '')
    : 0x00;
}

/** User properties of the PUBACK: one item's verdict and receipt, or how many there are of each verdict. */
export function propertiesOf(items: readonly IngestItem[]): Record<string, string> {
  const [only, ...more] = items;
  if (only !== undefined && more.length === 0)
    return {
      verdict: only.verdict,
      ...(only.duplicate ? { duplicate: 'true' } : {}),
      ...(only.reason === undefined ? {} : { reason: only.reason }),
      ...(only.receipt === null ? {} : { receipt: JSON.stringify(only.receipt) }),
    };
  const counts: Record<string, number> = {};
  for (const { verdict } of items) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).map(([verdict, n]) => [verdict, String(n)]));
}
