/** What a payload is. Each has a file beside this one that reads it. */
export const PAYLOAD_KINDS = [
  'readings',
  'status',
  'alert',
  'answer',
  'kwh-btc-iot',
  'energypulse',
  'los-tecnicos-donor-status',
  'los-tecnicos-recipient-status',
  'los-tecnicos-alert',
  'los-tecnicos-lock-response',
  'los-tecnicos-transfer-status',
] as const;
export type PayloadKind = (typeof PAYLOAD_KINDS)[number];
