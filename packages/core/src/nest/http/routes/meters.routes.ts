import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** What owners do with their meters, and how the meters are. */
export const METER_ROUTES = {
  offerMeter: {
    method: 'POST',
    path: `${API}/meters/:id/transfer`,
    access: 'owner',
    scope: 'meters',
    tag: 'meters',
    summary: 'Offers the meter to another account',
  },
  acceptMeter: {
    method: 'POST',
    path: `${API}/meters/:id/transfer/accept`,
    access: 'owner',
    scope: 'meters',
    tag: 'meters',
    summary: 'Accepts a meter that was offered: from one millisecond on it is yours',
  },
  withdrawMeter: {
    method: 'DELETE',
    path: `${API}/meters/:id/transfer`,
    access: 'owner',
    scope: 'meters',
    tag: 'meters',
    summary: 'Takes the open offer back, or turns it down',
  },
  listTransfers: {
    method: 'GET',
    path: `${API}/meter-transfers`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'Meters offered by you and to you, newest first',
  },
  retireMeter: {
    method: 'POST',
    path: `${API}/meters/:id/retire`,
    access: 'owner',
    scope: 'meters',
    tag: 'meters',
    summary: 'Ends a meter: it sends nothing any more',
  },
  meterHealth: {
    method: 'GET',
    path: `${API}/meters/:id/health`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'When a meter was last heard of, what became of its readings, which are missing',
  },
  auditMeters: {
    method: 'GET',
    path: `${API}/admin/meter-audit`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Compares the meters with what the log tells of them',
  },
  setRegisters: {
    method: 'POST',
    path: `${API}/admin/meters/:id/registers`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Says anew what the registers of a meter are',
  },
} as const satisfies Record<string, RouteRule>;

const text = { type: 'string' } as const;
const instant = { type: 'string', format: 'date-time' } as const;
const json = ['application/json'] as const;

export const registersSchema = {
  type: 'array',
  minItems: 1,
  maxItems: 16,
  description: 'What each register measures. Of each direction one register credits a class.',
  items: {
    type: 'object',
    required: ['name', 'direction'],
    properties: {
      name: text,
      direction: { type: 'string', enum: ['generation', 'consumption', 'storage'] },
      credits: {
        type: 'array',
        items: { type: 'string', enum: ['energy', 'attribute'] },
        description: 'When it is less than its direction allows; [] of one contained in another.',
      },
    },
  },
} as const;

/** Members of a registration that say what the meter is. */
export const meterProperties = {
  rating_w: { type: 'integer', description: 'Rated power in watts.' },
  nameplate: {
    type: 'object',
    required: ['vendor', 'model', 'serial'],
    properties: { vendor: text, model: text, serial: text },
    description: 'As printed on the meter: its identity under any id.',
  },
  registers: registersSchema,
  location: {
    type: 'object',
    properties: {
      latitude: { type: 'number', description: 'Degrees, kept to a tenth.' },
      longitude: { type: 'number', description: 'Degrees, kept to a tenth.' },
      zone: { type: 'string', description: 'Instead: a bidding or time zone.' },
    },
  },
} as const;

const transfer =
  'transfer_id, meter_id, from_account, to_account, state (offered, accepted, withdrawn, expired), effective_at, expires_at, offered_at, closed_at';

export const METER_OPERATIONS: Readonly<Record<keyof typeof METER_ROUTES, OperationShape>> = {
  offerMeter: {
    body: {
      types: json,
      schema: {
        type: 'object',
        required: ['to_account'],
        properties: {
          to_account: text,
          effective_at: {
            ...instant,
            description: "The new owner's first millisecond; absent: when it is accepted.",
          },
          expires_at: instant,
        },
      },
    },
    answers: { 201: `The offer: ${transfer}.` },
  },
  acceptMeter: {
    body: {
      types: json,
      schema: {
        type: 'object',
        required: ['transfer_id'],
        properties: { transfer_id: text, owner: text },
      },
    },
    answers: { 200: 'The transfer as it is done, with effective_at.' },
  },
  withdrawMeter: { answers: { 200: 'The transfer, withdrawn.' } },
  listTransfers: { query: page, answers: { 200: `Transfers: ${transfer}.` } },
  retireMeter: { answers: { 200: 'The meter, now retired.' } },
  meterHealth: {
    query: {
      ...page,
      from: 'Readings that start at or after (RFC 3339); absent: 31 days before `to`.',
      to: 'Readings that start before (RFC 3339); absent: now.',
    },
    answers: {
      200: 'meter_id, state, from, to, last_seen, last_interval_end, readings (accepted, flagged, quarantined) gaps (register, from, to, missing): times that no reading which counts covers, and missing_numbers (key_id, missing): sequence numbers that never came.',
    },
  },
  auditMeters: {
    answers: {
      200: 'meters, entries, differences (meter_id, what: unsaid when the log knows no such meter, lost when only the log does, else the members that differ), and unsettled when meters changed meanwhile.',
    },
  },
  setRegisters: {
    body: {
      types: json,
      schema: {
        type: 'object',
        required: ['registers'],
        properties: { registers: registersSchema },
      },
    },
    answers: { 200: 'The meter with its registers.' },
  },
};
