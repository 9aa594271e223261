import type { IngestItem } from '../spi/index.js';
import type { Verdict } from '../logs/verdict.js';

/** What a code means for a reading and for the HTTP answer to one document. */
export interface CodeMeaning {
  readonly verdict: Verdict;
  /** HTTP status when it is the answer to a single document; batches answer 200 with verdicts per item. */
  readonly status: number;
}

const rejected = (status: number): CodeMeaning => ({ verdict: 'rejected', status });
const quarantined: CodeMeaning = { verdict: 'quarantined', status: 202 };

/**
 * Every code that ingestion itself gives. Codes of canonical formats (`FormatError`) are not listed: they all mean
 * that the document is malformed, see `meaningOf`.
 */
export const VERDICT_CODES = {
  // The message as a whole, or its framing.
  message_too_large: rejected(413),
  message_empty: rejected(400),
  content_type_unknown: rejected(415),
  too_many_items: rejected(413),
  item_too_large: rejected(413),
  json_utf8: rejected(400),
  json_bom: rejected(400),
  json_syntax: rejected(400),
  // The envelope.
  envelope_not_object: rejected(400),
  envelope_unknown_field: rejected(400),
  envelope_duplicate_field: rejected(400),
  envelope_incomplete: rejected(400),
  envelope_invalid: rejected(400),
  base64_invalid: rejected(400),
  format_unknown: rejected(400),
  format_not_a_reading: rejected(400),
  not_canonical: rejected(400),
  jws_invalid: rejected(400),
  jws_crit_unknown: rejected(400),
  cbor_invalid: rejected(400),
  cose_invalid: rejected(400),
  ocmf_invalid: rejected(400),
  batch_chain_invalid: rejected(400),
  envelope_unknown: rejected(400),
  batch_nested: rejected(400),
  batch_empty: rejected(400),
  batch_item_signed: rejected(400),
  batch_item_invalid: rejected(400),
  // Who sent it.
  caller_invalid: rejected(401),
  // Who signed it.
  device_signature_required: rejected(401),
  meter_unknown: rejected(401),
  key_unknown: rejected(401),
  key_revoked: rejected(401),
  key_superseded: rejected(401),
  key_not_yet_valid: rejected(401),
  alg_not_allowed: rejected(401),
  signature_invalid: rejected(401),
  meter_mismatch: rejected(403),
  meter_not_owned: rejected(403),
  meter_suspended: rejected(403),
  meter_retired: rejected(403),
  scope_missing: rejected(403),
  // Rules.
  in_future: rejected(422),
  too_old: rejected(422),
  energy_out_of_range: rejected(422),
  not_storable: rejected(422),
  interval_overlap: rejected(422),
  timestamp_taken: rejected(422),
  supersedes_unknown: rejected(422),
  sequence_equivocation: rejected(409),
  chain_gap: rejected(409),
  chain_fork: rejected(409),
  erased: rejected(410),
  // Kept, and looked at by somebody.
  meter_pending: quarantined,
  sequence_late: quarantined,
  unsigned_review: quarantined,
  energy_above_rating: quarantined,
  clock_unknown: quarantined,
  direction_mismatch: quarantined,
  cross_owner_duplicate: quarantined,
  // Nothing was kept.
  throttled: rejected(429),
  store_unavailable: rejected(503),
} as const satisfies Record<string, CodeMeaning>;
export type VerdictCode = keyof typeof VERDICT_CODES;

/** The meaning of any code; one that is not in the table is a format's and means a malformed document. */
export function meaningOf(code: string): CodeMeaning {
  return Object.hasOwn(VERDICT_CODES, code) ? VERDICT_CODES[code as VerdictCode] : rejected(400);
}

/** HTTP status of the answer to one document. */
export function statusOfItem(item: Pick<IngestItem, 'verdict' | 'reason'>): number {
  const { status } = meaningOf(item.reason ?? '');
  if (item.verdict === 'rejected') return status;
  // Equivocation is kept as evidence and still answered as the conflict it is.
  if (item.verdict === 'quarantined') return status === 409 ? 409 : 202;
  return 200;
}
