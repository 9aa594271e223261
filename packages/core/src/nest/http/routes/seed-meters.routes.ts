import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** Readings as GridTokenX's clients submit and list them. */
export const SEED_METER_ROUTES = {
  submitReading: {
    method: 'POST',
    path: `${API}/meters/submit`,
    access: 'device',
    scope: 'ingest',
    tag: 'readings',
    summary: 'Submits one reading by wallet, amount and time, with the meter\u2019s own signature',
    aliases: ['/api/meters/submit', '/api/meters/submit-reading'],
  },
  listReadings: {
    method: 'GET',
    path: `${API}/meters/readings`,
    access: 'owner',
    scope: 'read',
    tag: 'readings',
    summary: 'Own readings, newest first, and what was made of their energy',
    aliases: ['/api/meters/my-readings'],
  },
  meterStats: {
    method: 'GET',
    path: `${API}/meters/stats`,
    access: 'owner',
    scope: 'read',
    tag: 'readings',
    summary: 'How many own readings there are, and how much of their energy is minted',
    aliases: ['/api/meters/stats'],
  },
  listUnminted: {
    method: 'GET',
    path: `${API}/admin/meters/unminted`,
    access: 'operator',
    scope: 'read',
    tag: 'readings',
    summary: 'Readings whose energy can still be minted, oldest first',
    aliases: ['/api/admin/meters/unminted'],
  },
} as const satisfies Record<string, RouteRule>;

const text = { type: 'string' } as const;

const submission = {
  type: 'object',
  required: ['wallet_address', 'kwh_amount', 'reading_timestamp'],
  properties: {
    wallet_address: text,
    kwh_amount: {
      oneOf: [{ type: 'number' }, text],
      description: 'More than 0 and at most 100, at most six decimals.',
    },
    reading_timestamp: { type: 'string', format: 'date-time' },
    meter_id: {
      type: 'string',
      description: 'May be left out when the wallet owns exactly one active meter.',
    },
    meter_signature: {
      type: 'string',
      description:
        'The meter\u2019s signature over GridTokenX\u2019s message, 64 bytes in base58 or base64.',
    },
  },
} as const;

const reading =
  'id, user_id, wallet_address, kwh_amount, reading_timestamp, submitted_at, minted, mint_tx_signature, meter_id, register, verdict, reason, minted_kwh, unclaimed_kwh.';
const numbered = {
  page: 'From 1, instead of `cursor`.',
  page_size: '1 to 100, 20 when left out.',
  sort_by: 'submitted_at, reading_timestamp or kwh_amount.',
  sort_order: 'asc or desc; desc when only sort_by is given.',
} as const;
const owner = 'me, or an account for those who see every account.';

export const SEED_METER_OPERATIONS: Readonly<
  Record<keyof typeof SEED_METER_ROUTES, OperationShape>
> = {
  submitReading: {
    body: { types: ['application/json'], schema: submission },
    answers: {
      200: `${reading} And leaf_hash, duplicate, receipt.`,
      202: 'The same: kept and quarantined.',
    },
  },
  listReadings: {
    query: {
      ...page,
      ...numbered,
      owner,
      meter_id: 'Of this meter.',
      from: 'Readings that end at or after (RFC 3339).',
      to: 'Readings that end before (RFC 3339).',
      minted: 'true or false.',
    },
    answers: { 200: reading },
  },
  meterStats: {
    query: { owner },
    answers: {
      200: 'total_readings, quarantined_readings, total_kwh (credited), minted_kwh, claimed_kwh (minted, sold and whatever else), unminted_kwh (not claimed yet), intervals.',
    },
  },
  listUnminted: { query: { ...page, ...numbered }, answers: { 200: reading } },
};
