import { SIGNATURE_ALGORITHMS } from '../../../verify/spki.js';
import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** A meter's keys over time, and the numbers that never came under them. */
export const METER_KEY_ROUTES = {
  rotateMeterKey: {
    method: 'POST',
    path: `${API}/meters/:id/keys`,
    access: 'device',
    scope: 'meters',
    tag: 'meters',
    summary: 'Replaces a key by a new one, signed by both',
  },
  revokeMeterKey: {
    method: 'DELETE',
    path: `${API}/meters/:id/keys/:key_id`,
    access: 'owner',
    scope: 'meters',
    tag: 'meters',
    summary: 'Ends a key at once and for good',
  },
  correctMeterKey: {
    method: 'POST',
    path: `${API}/admin/meters/:id/keys/:key_id/correct`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Replaces a key that an operator read wrongly, while nothing is signed with it',
  },
  askKeyRecovery: {
    method: 'POST',
    path: `${API}/meters/:id/keys/recovery`,
    access: 'owner',
    scope: 'meters',
    tag: 'meters',
    summary: 'An owner asks for a new key in place of lost ones; an admin has to agree',
  },
  approveKeyRecovery: {
    method: 'POST',
    path: `${API}/admin/meters/:id/keys/recovery/:recovery_id/approve`,
    access: 'admin',
    scope: 'meters',
    tag: 'meters',
    summary: 'Agrees to a recovery: older keys are revoked, the new one speaks',
  },
  rejectKeyRecovery: {
    method: 'POST',
    path: `${API}/admin/meters/:id/keys/recovery/:recovery_id/reject`,
    access: 'admin',
    scope: 'meters',
    tag: 'meters',
    summary: 'Turns a recovery down',
  },
  listKeyRecoveries: {
    method: 'GET',
    path: `${API}/key-recoveries`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'Recoveries of keys, newest first',
  },
  meterGaps: {
    method: 'GET',
    path: `${API}/meters/:id/gaps`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'Sequence numbers that never came, key by key',
  },
} as const satisfies Record<string, RouteRule>;

const text = { type: 'string' } as const;
const base64 = { type: 'string', format: 'byte' } as const;
const json = ['application/json'] as const;
const newKey = {
  public_key: { ...base64, description: 'SPKI DER.' },
  alg: { type: 'string', enum: [...SIGNATURE_ALGORITHMS] },
  nonce: { ...text, description: 'From POST /api/v1/meters/challenge.' },
} as const;
const recovery =
  'recovery_id, meter_id, account_id, state (open, approved, rejected, withdrawn), key_id, alg, public_key, reason, asked_by, asked_at, expires_at, decided_by, decided_at';
const decision = {
  types: json,
  schema: { type: 'object', properties: { reason: text } },
} as const;

export const METER_KEY_OPERATIONS: Readonly<Record<keyof typeof METER_KEY_ROUTES, OperationShape>> =
  {
    rotateMeterKey: {
      body: {
        types: json,
        schema: {
          type: 'object',
          required: ['public_key', 'alg', 'nonce', 'old_key_id', 'signatures'],
          properties: {
            ...newKey,
            old_key_id: text,
            signatures: {
              type: 'object',
              required: ['old', 'new'],
              description:
                'Of the old and of the new key over wattproof/rotate/v1, origin, meter_id, old_key_id, new key id and nonce, a line each.',
              properties: { old: base64, new: base64 },
            },
          },
        },
      },
      answers: { 201: 'The meter with its keys; both speak until valid_to of the old one.' },
    },
    revokeMeterKey: {
      query: { reason: 'Why; kept in the log.' },
      answers: { 200: 'The meter, leading_key, and next: what is to be done when no key is live.' },
    },
    correctMeterKey: {
      body: {
        types: json,
        schema: {
          type: 'object',
          required: ['public_key', 'alg', 'proof', 'read_from', 'reason'],
          properties: {
            public_key: newKey.public_key,
            alg: newKey.alg,
            key_id: { ...text, description: 'Checked when given.' },
            proof: { type: 'string', enum: ['operator'] },
            read_from: { ...text, description: 'Where the key was read, such as label.' },
            reason: text,
          },
        },
      },
      answers: { 200: 'The meter with its keys: the wrong one is revoked, the right one speaks.' },
    },
    askKeyRecovery: {
      body: {
        types: json,
        schema: {
          type: 'object',
          required: ['public_key', 'alg', 'nonce', 'signature', 'reason'],
          properties: {
            ...newKey,
            signature: {
              ...base64,
              description:
                'Of the new key over wattproof/recover/v1, origin, meter_id, key id and nonce, a line each.',
            },
            reason: text,
          },
        },
      },
      answers: { 202: `The recovery, open: ${recovery}.` },
    },
    approveKeyRecovery: { body: decision, answers: { 200: 'The meter with its keys.' } },
    rejectKeyRecovery: { body: decision, answers: { 200: 'The meter, unchanged.' } },
    listKeyRecoveries: {
      query: { ...page, state: 'Only of this state.', meter_id: 'Only of this meter.' },
      answers: { 200: `Recoveries: ${recovery}.` },
    },
    meterGaps: {
      query: {
        limit: page.limit,
        key_id: 'Only of this key.',
        behind: 'Only gaps behind this number, as `behind` of the answer before; with key_id.',
      },
      answers: {
        200: 'meter_id, late_window, and keys: key_id, epoch, lowest, highest, seen, missing, gaps (first, last, count, late) and behind, when there are more.',
      },
    },
  };
