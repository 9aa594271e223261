import { SIGNATURE_ALGORITHMS } from '../../verify/spki.js';
import { type OperationShape, page } from './operation-shape.js';
import { MESSAGE_CONTENT_TYPES } from './raw-body.js';
import type { RouteName } from './routes.js';
import { CHAIN_OPERATIONS } from './routes/chains.routes.js';
import { DEVICE_OPERATIONS } from './routes/devices.routes.js';
import { ENERGY_OPERATIONS } from './routes/energy.routes.js';
import { FINDINGS_OPERATIONS } from './routes/findings.routes.js';
import { METER_KEY_OPERATIONS } from './routes/meter-keys.routes.js';
import { METER_OPERATIONS, meterProperties } from './routes/meters.routes.js';
import { JUDGEMENT_OPERATIONS } from './routes/judgements.routes.js';
import { NOTICE_OPERATIONS } from './routes/notices.routes.js';
import { QUARANTINE_OPERATIONS } from './routes/quarantine.routes.js';
import { WEBHOOK_OPERATIONS } from './routes/webhooks.routes.js';
import { ERASURE_OPERATIONS } from './routes/erasures.routes.js';
import { IMPORT_OPERATIONS } from './routes/imports.routes.js';

import { SEED_METER_OPERATIONS } from './routes/seed-meters.routes.js';
import { USER_OPERATIONS } from './routes/users.routes.js';

export type { OperationShape } from './operation-shape.js';

const text = { type: 'string' } as const;

const emlog = {
  type: 'object',
  description: 'A document of format emlog-1.1.',
  required: [
    'schema_version',
    'site_id',
    'iot_device_id',
    'meter_id',
    'ts_start',
    'ts_end',
    'interval_s',
    'energy_kwh',
    'tx',
  ],
} as const;

const signature = {
  type: 'object',
  required: ['alg', 'key_id', 'value'],
  properties: {
    alg: { type: 'string', enum: [...SIGNATURE_ALGORITHMS] },
    key_id: { type: 'string', description: 'First 16 hex digits of SHA-256 over the SPKI DER.' },
    value: { type: 'string', format: 'byte' },
  },
} as const;

const envelope = {
  type: 'object',
  properties: {
    format: {
      type: 'string',
      example: 'reading/1',
      description: 'Needed unless `jws` or `cose` says it.',
    },
    document: { type: 'object', description: 'Or `bytes`.' },
    bytes: {
      type: 'string',
      format: 'byte',
      description: 'Canonical bytes, or a whole OCMF record. Or `document`.',
    },
    signature,
    jws: {
      type: 'string',
      description: 'Compact JWS instead of `signature`; detached beside `document` or `bytes`.',
    },
    cose: { type: 'string', format: 'byte', description: 'COSE_Sign1 instead of `signature`.' },
  },
} as const;

const registration = {
  type: 'object',
  required: ['meter_id', 'public_key', 'alg', 'proof_of_possession'],
  properties: {
    meter_id: text,
    device_id: text,
    site_id: text,
    owner: text,
    public_key: { type: 'string', format: 'byte', description: 'SPKI DER.' },
    alg: { type: 'string', enum: [...SIGNATURE_ALGORITHMS] },
    ...meterProperties,
    proof_of_possession: {
      type: 'object',
      required: ['nonce', 'signature'],
      properties: { nonce: text, signature: { type: 'string', format: 'byte' } },
    },
  },
} as const;

const statement = {
  type: 'object',
  required: ['meter_id', 'account_id', 'public_key', 'alg', 'proof', 'read_from'],
  properties: {
    meter_id: text,
    account_id: { type: 'string', description: 'Whose meter it is.' },
    device_id: text,
    site_id: text,
    owner: text,
    public_key: { type: 'string', format: 'byte', description: 'SPKI DER.' },
    alg: { type: 'string', enum: [...SIGNATURE_ALGORITHMS] },
    proof: { type: 'string', enum: ['operator'] },
    read_from: { type: 'string', description: 'Such as `label` or `QR code`.' },
    ...meterProperties,
  },
} as const;

const allowance = {
  type: 'object',
  required: ['meter_ids'],
  properties: {
    meter_ids: { type: 'array', items: text, minItems: 1, maxItems: 1000 },
    allowed: { type: 'boolean', default: true, description: 'false takes them off the list.' },
  },
} as const;

const json = ['application/json'] as const;
const batch =
  'The batch: id, created_at, log_ids, merkle_root, log_count, anchor_status (pending, anchored, final), anchor_txid, anchor_block_hash, anchor_block_height, anchor_block_time, and number, profile, entry_count, system_entries, anchoring (state, required, of, included, final).';
const operated =
  'What was done: looked_at, changed, and open: the checkpoints that are not final, oldest first.';
const verdict =
  'Durable: id, leaf_hash, verdict, duplicate, receipt, and reason where there is one.';

export const OPERATIONS: Readonly<Record<RouteName, OperationShape>> = {
  health: { answers: { 200: 'Well.', 503: 'Not ready; the parts say which.' } },
  healthLive: { answers: { 200: 'Alive.' } },
  healthReady: { answers: { 200: 'Ready.', 503: 'Starting, stopping, or without its store.' } },
  metrics: { answers: { 200: 'Prometheus text format.' }, produces: 'text/plain' },
  openapi: { answers: { 200: 'OpenAPI 3.' } },
  docs: { answers: { 200: 'HTML.' }, produces: 'text/html' },
  docsAsset: { answers: { 200: 'The file.' }, produces: '*/*' },
  createLog: {
    body: { types: json, schema: emlog },
    answers: {
      200: `The document as it is kept, with batch_id. ${verdict}`,
      202: 'Kept and quarantined.',
    },
  },
  listLogs: {
    query: {
      ...page,
      meter_id: 'Of this meter.',
      from: 'Interval starts at or after (RFC 3339).',
      to: 'Interval starts before (RFC 3339).',
      type: 'Type of the entry, such as reading.',
      source: 'external or system.',
    },
    answers: { 200: 'Entries.' },
  },
  getLog: { answers: { 200: 'The entry.' } },
  getProof: {
    query: {
      format: 'seed (default), bundle, or a format of a ledger\u2019s own world such as ots.',
      anchor: 'Instance id of the anchor whose evidence is written; required with such a format.',
    },
    answers: {
      200: 'log_id, batch_id, leaf_hash, merkle_root, index, tree_size, profile, salt and the path as position and hash; or the bundle (application/vnd.wattproof.proof+json); or a file such as an OpenTimestamps proof of the preimage.',
      409: 'not_exportable: this anchor cannot write the format. not_anchored: its evidence does not cover the entry yet.',
    },
  },
  getPreimage: {
    answers: { 200: '`LOG::` and the canonical document.' },
    produces: 'application/octet-stream',
  },
  createReadings: {
    body: {
      types: [...MESSAGE_CONTENT_TYPES],
      schema: { oneOf: [envelope, { type: 'array', items: envelope, maxItems: 1000 }] },
    },
    answers: {
      200: `${verdict} An array for an array or NDJSON, in order; one bad item never fails the others.`,
      202: 'One envelope, kept and quarantined.',
    },
  },
  flush: { answers: { 200: batch } },
  listBatches: { query: page, answers: { 200: batch } },
  getBatch: { query: { cursor: page.cursor }, answers: { 200: batch } },
  exportBatch: {
    query: { cursor: page.cursor },
    answers: {
      200: 'batch, logs, and commitment: the steps from merkle_root to what ledgers see.',
    },
  },
  batchAnchors: {
    answers: {
      200: 'anchoring: the rule and who meets it. Per anchor: state, txid, block, depth, trust, fee, paid, attempts.',
    },
  },
  latestCheckpoint: { answers: { 200: 'A signed note (C2SP).' }, produces: 'text/plain' },
  checkpoint: { answers: { 200: 'A signed note (C2SP).' }, produces: 'text/plain' },
  consistency: {
    query: { from: 'Smaller size, at least 1.', to: 'Larger size; the newest when left out.' },
    answers: { 200: 'from, to and hashes (RFC 9162 §2.1.4).' },
  },
  logKeys: { answers: { 200: 'origin and the keys as C2SP verifier keys.' } },
  plugins: { answers: { 200: 'The store, and every plugin instance with its health.' } },
  jobs: { answers: { 200: 'The job table of this replica.' } },
  anchors: {
    answers: {
      200: 'Per anchor: alerts (stuck, capped, low_balance, unreachable, each with since and detail), checkpoints by state, oldest_pending, paid, paid_by_day, paid_per_million_entries, paid_per_batch, budget, balance, runway_anchors.',
    },
  },
  retryAnchor: { answers: { 200: operated } },
  bumpAnchor: { answers: { 200: operated } },
  recheckAnchor: { answers: { 200: operated } },
  meterChallenge: { answers: { 200: 'nonce, origin, expires_at.' } },
  registerMeter: {
    body: { types: json, schema: registration },
    answers: { 201: 'The meter and its state: pending until reviewed, or active.' },
  },
  listMeters: { query: { ...page, state: 'Only of this state.' }, answers: { 200: 'Meters.' } },
  getMeter: { answers: { 200: 'The meter.' } },
  reviewMeters: { query: { ...page, state: 'Only of this state.' }, answers: { 200: 'Meters.' } },
  stateMeter: {
    body: { types: json, schema: statement },
    answers: { 201: 'The meter and its state. `proven_at` of its key: its first signed reading.' },
  },
  allowMeters: {
    body: { types: json, schema: allowance },
    answers: { 200: 'allowed, and changed: how many ids that moved.' },
  },
  approveMeter: { answers: { 200: 'The meter, now active.' } },
  rejectMeter: { answers: { 200: 'The meter, now retired; it may be registered again.' } },
  suspendMeter: { answers: { 200: 'The meter, now suspended.' } },
  ...METER_OPERATIONS,
  ...METER_KEY_OPERATIONS,
  ...CHAIN_OPERATIONS,
  ...DEVICE_OPERATIONS,
  ...ENERGY_OPERATIONS,
  ...FINDINGS_OPERATIONS,
  ...QUARANTINE_OPERATIONS,
  ...JUDGEMENT_OPERATIONS,
  ...ERASURE_OPERATIONS,
  ...IMPORT_OPERATIONS,
  ...NOTICE_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...SEED_METER_OPERATIONS,
  ...USER_OPERATIONS,
};

/** What every refusal looks like. */
export const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['status', 'code', 'detail'],
  properties: {
    type: text,
    title: text,
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; for programs.' },
    detail: { type: 'string', description: 'For a person.' },
  },
} as const;
