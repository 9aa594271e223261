import { QUARANTINE_STATES } from '../../../quarantine/quarantine.store.js';
import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** Readings that wait for somebody to look at them. */
export const QUARANTINE_ROUTES = {
  reviewQuarantine: {
    method: 'GET',
    path: `${API}/admin/quarantine`,
    access: 'operator',
    scope: 'quarantine',
    tag: 'quarantine',
    summary: 'Held readings of every account, in the order they were held',
  },
  releaseReading: {
    method: 'POST',
    path: `${API}/admin/quarantine/:id/release`,
    access: 'operator',
    scope: 'quarantine',
    tag: 'quarantine',
    summary: 'Lets a held reading count, if nobody else holds its interval',
  },
  rejectReading: {
    method: 'POST',
    path: `${API}/admin/quarantine/:id/reject`,
    access: 'operator',
    scope: 'quarantine',
    tag: 'quarantine',
    summary: 'Turns a held reading down for good',
  },
  listQuarantine: {
    method: 'GET',
    path: `${API}/quarantine`,
    access: 'owner',
    scope: 'read',
    tag: 'quarantine',
    summary: 'Held readings of the own account, and what became of them',
  },
  getHeldReading: {
    method: 'GET',
    path: `${API}/quarantine/:id`,
    access: 'owner',
    scope: 'read',
    tag: 'quarantine',
    summary: 'One held reading with its evidence: what was signed, by which key',
  },
  resumeMinting: {
    method: 'POST',
    path: `${API}/admin/meters/:id/resume-minting`,
    access: 'operator',
    scope: 'quarantine',
    tag: 'quarantine',
    summary:
      'Lets energy be claimed again of a meter whose device signed two readings under one number',
  },
} as const satisfies Record<string, RouteRule>;

const filters = {
  ...page,
  state: `${QUARANTINE_STATES.join(', ')}; all when left out.`,
  reason: 'The code they were held for.',
  meter_id: 'Of one meter.',
} as const;

const item =
  'id, account_id, meter_id, reason, state (open, released, rejected, accepted: its bytes came again and were taken), held_at, decision (by, at, reason) or null, others (entries it stands against)';

const reason = {
  body: {
    types: ['application/json'],
    schema: {
      type: 'object',
      required: ['reason'],
      properties: { reason: { type: 'string', minLength: 1, maxLength: 1024 } },
    },
  },
} as const;

const decision: OperationShape = {
  ...reason,
  answers: {
    200: `The item as it is now, with the receipt of its new verdict; asking again gives the same: ${item}.`,
    404: 'Nothing was ever held under this id.',
    409: 'It was decided otherwise (quarantine_decided), another reading holds its interval (interval_taken), or somebody else has registered its meter since (meter_of_another).',
    410: 'It was erased.',
  },
};

export const QUARANTINE_OPERATIONS: Readonly<
  Record<keyof typeof QUARANTINE_ROUTES, OperationShape>
> = {
  reviewQuarantine: {
    query: { ...filters, account_id: 'Of one account.' },
    answers: { 200: `An array of items: ${item}.` },
  },
  releaseReading: decision,
  rejectReading: decision,
  resumeMinting: {
    ...reason,
    answers: { 200: 'The meter; `minting_suspended` is null.', 404: 'There is no such meter.' },
  },
  listQuarantine: { query: filters, answers: { 200: `An array of items: ${item}.` } },
  getHeldReading: {
    answers: {
      200: `The item, and evidence: it and the entries it stands against that the caller may see, each with id, format, leaf_hash, bytes (base64), received_at, assurance and signature, enough to check every signature without this gateway. ${item}.`,
    },
  },
};
