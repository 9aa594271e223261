import { API, type RouteRule } from './route-rule.js';
import { CHAIN_ROUTES } from './routes/chains.routes.js';
import { DEVICE_ROUTES } from './routes/devices.routes.js';
import { ENERGY_ROUTES } from './routes/energy.routes.js';
import { FINDINGS_ROUTES } from './routes/findings.routes.js';
import { METER_KEY_ROUTES } from './routes/meter-keys.routes.js';
import { METER_ROUTES } from './routes/meters.routes.js';
import { JUDGEMENT_ROUTES } from './routes/judgements.routes.js';
import { NOTICE_ROUTES } from './routes/notices.routes.js';
import { QUARANTINE_ROUTES } from './routes/quarantine.routes.js';
import { WEBHOOK_ROUTES } from './routes/webhooks.routes.js';
import { ERASURE_ROUTES } from './routes/erasures.routes.js';
import { IMPORT_ROUTES } from './routes/imports.routes.js';

import { SEED_METER_ROUTES } from './routes/seed-meters.routes.js';
import { USER_ROUTES } from './routes/users.routes.js';

export { OPEN_GROUPS, type OpenGroup, type RouteRule } from './route-rule.js';

/**
 * Every route of the gateway and who may call it: the one table that the guard enforces, OpenAPI shows
 * and the tests walk through.
 */
export const ROUTES = {
  health: {
    method: 'GET',
    path: '/health',
    access: 'public',
    tag: 'health',
    summary: 'Whether the gateway is well, part by part',
  },
  healthLive: {
    method: 'GET',
    path: '/health/live',
    access: 'public',
    tag: 'health',
    summary: 'Whether restarting would not help',
  },
  healthReady: {
    method: 'GET',
    path: '/health/ready',
    access: 'public',
    tag: 'health',
    summary: 'Whether it can do its work now',
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    access: 'public',
    tag: 'health',
    summary: 'Prometheus metrics',
  },
  openapi: {
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    tag: 'health',
    summary: 'This document',
  },
  docs: {
    method: 'GET',
    path: '/docs',
    access: 'public',
    tag: 'health',
    summary: 'The documentation page',
  },
  docsAsset: {
    method: 'GET',
    path: '/docs/:asset',
    access: 'public',
    tag: 'health',
    summary: 'Files of the documentation page',
  },

  createLog: {
    method: 'POST',
    path: `${API}/logs`,
    access: 'device',
    scope: 'ingest',
    opens: 'logs',
    tag: 'logs',
    summary: 'Submits one emlog-1.1 document; answered when it is durable',
  },
  listLogs: {
    method: 'GET',
    path: `${API}/logs`,
    access: 'owner',
    scope: 'read',
    opens: 'logs',
    tag: 'logs',
    summary: 'Entries, filtered by meter_id, from, to and type',
  },
  getLog: {
    method: 'GET',
    path: `${API}/logs/:id`,
    access: 'owner',
    scope: 'read',
    opens: 'logs',
    tag: 'logs',
    summary: 'One entry',
  },
  getProof: {
    method: 'GET',
    path: `${API}/logs/:id/proof`,
    access: 'owner',
    scope: 'read',
    opens: 'proofs',
    tag: 'proofs',
    summary:
      'The inclusion proof of an entry, with format=bundle its self-contained proof file, with format=ots an OpenTimestamps proof',
  },
  getPreimage: {
    method: 'GET',
    path: `${API}/logs/:id/preimage`,
    access: 'owner',
    scope: 'read',
    opens: 'proofs',
    tag: 'proofs',
    summary: 'The bytes whose SHA-256 is leaf_hash',
  },
  createReadings: {
    method: 'POST',
    path: `${API}/readings`,
    access: 'device',
    scope: 'ingest',
    tag: 'readings',
    summary:
      'Submits one envelope, a JSON array of them, or NDJSON; answered when they are durable',
  },

  flush: {
    method: 'POST',
    path: `${API}/batches/flush`,
    access: 'operator',
    scope: 'flush',
    opens: 'flush',
    tag: 'batches',
    summary: 'Seals what waits, now',
  },
  listBatches: {
    method: 'GET',
    path: `${API}/batches`,
    access: 'owner',
    scope: 'read',
    opens: 'proofs',
    tag: 'batches',
    summary: 'Sealed batches, newest first',
  },
  getBatch: {
    method: 'GET',
    path: `${API}/batches/:id`,
    access: 'owner',
    scope: 'read',
    opens: 'proofs',
    tag: 'batches',
    summary: 'One batch',
  },
  exportBatch: {
    method: 'GET',
    path: `${API}/batches/:id/export`,
    access: 'owner',
    scope: 'read',
    opens: 'proofs',
    tag: 'batches',
    summary: 'A batch with its entries and the steps from its root to what ledgers see',
  },
  batchAnchors: {
    method: 'GET',
    path: `${API}/batches/:id/anchors`,
    access: 'owner',
    scope: 'read',
    opens: 'proofs',
    tag: 'batches',
    summary: 'Where the batch stands on every anchor',
  },

  latestCheckpoint: {
    method: 'GET',
    path: `${API}/checkpoints/latest`,
    access: 'public',
    tag: 'checkpoints',
    summary: 'The newest signed checkpoint',
  },
  consistency: {
    method: 'GET',
    path: `${API}/checkpoints/consistency`,
    access: 'public',
    tag: 'checkpoints',
    summary: 'Proof that the log of size `from` is a prefix of the log of size `to`',
  },
  checkpoint: {
    method: 'GET',
    path: `${API}/checkpoints/:size`,
    access: 'public',
    tag: 'checkpoints',
    summary: 'The signed checkpoint of one size',
  },
  logKeys: {
    method: 'GET',
    path: `${API}/log/keys`,
    access: 'public',
    tag: 'checkpoints',
    summary: 'Keys that sign this log, its receipts and its ledger',
  },
  plugins: {
    method: 'GET',
    path: `${API}/plugins`,
    access: 'owner',
    scope: 'read',
    tag: 'operation',
    summary: 'Plugin instances, what they can do and how they are',
  },
  jobs: {
    method: 'GET',
    path: `${API}/jobs`,
    access: 'operator',
    scope: 'read',
    tag: 'operation',
    summary: 'Periodic work: when it ran last and how that went',
  },

  anchors: {
    method: 'GET',
    path: `${API}/anchors`,
    access: 'operator',
    scope: 'read',
    tag: 'anchors',
    summary:
      'Every anchor: what waits, what it has cost, what is left to spend, and what needs a person',
  },
  retryAnchor: {
    method: 'POST',
    path: `${API}/admin/anchors/:id/retry`,
    access: 'operator',
    scope: 'anchors',
    tag: 'anchors',
    summary: 'Tries again now what waits for its next try or has failed',
  },
  bumpAnchor: {
    method: 'POST',
    path: `${API}/admin/anchors/:id/bump`,
    access: 'operator',
    scope: 'anchors',
    tag: 'anchors',
    summary: 'Makes what waits on the ledger dearer now, within the caps of its policy',
  },
  recheckAnchor: {
    method: 'POST',
    path: `${API}/admin/anchors/:id/recheck`,
    access: 'operator',
    scope: 'anchors',
    tag: 'anchors',
    summary: 'Looks again at every final checkpoint, for a deep reorganisation',
  },

  meterChallenge: {
    method: 'POST',
    path: `${API}/meters/challenge`,
    access: 'public',
    tag: 'meters',
    summary: 'A nonce for the proof of possession, valid for five minutes',
  },
  registerMeter: {
    method: 'POST',
    path: `${API}/meters/register`,
    access: 'device',
    scope: 'meters',
    tag: 'meters',
    summary: 'Registers a meter with its key and a proof of possession',
    aliases: ['/api/meters/register'],
  },
  listMeters: {
    method: 'GET',
    path: `${API}/meters`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'Registered meters',
  },
  getMeter: {
    method: 'GET',
    path: `${API}/meters/:id`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'One meter',
  },
  reviewMeters: {
    method: 'GET',
    path: `${API}/admin/meters`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Meters for review, filtered by state',
  },
  stateMeter: {
    method: 'POST',
    path: `${API}/admin/meters`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Registers a meter whose device cannot sign a challenge, with the key read off it',
  },
  allowMeters: {
    method: 'POST',
    path: `${API}/admin/meters/allowlist`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Lists meter ids that may register under `devices.registration: allowlist`',
  },
  approveMeter: {
    method: 'POST',
    path: `${API}/admin/meters/:id/approve`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Lets a pending or suspended meter in',
  },
  rejectMeter: {
    method: 'POST',
    path: `${API}/admin/meters/:id/reject`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Turns a pending meter down',
  },
  suspendMeter: {
    method: 'POST',
    path: `${API}/admin/meters/:id/suspend`,
    access: 'operator',
    scope: 'meters',
    tag: 'meters',
    summary: 'Stops an active meter',
  },

  ...METER_ROUTES,
  ...METER_KEY_ROUTES,
  ...CHAIN_ROUTES,
  ...DEVICE_ROUTES,
  ...ENERGY_ROUTES,
  ...FINDINGS_ROUTES,
  ...QUARANTINE_ROUTES,
  ...JUDGEMENT_ROUTES,
  ...ERASURE_ROUTES,
  ...IMPORT_ROUTES,
  ...NOTICE_ROUTES,
  ...WEBHOOK_ROUTES,

  ...SEED_METER_ROUTES,
  ...USER_ROUTES,
} as const satisfies Record<string, RouteRule>;

export type RouteName = keyof typeof ROUTES;

const PREFIXES = [
  API,
  '/health',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/api/meters',
  '/api/admin/meters',
];

/**
 * True for the URLs of this module; everything else on a host belongs to the host. Express matches paths in any case and
 * Fastify with any letter escaped, so both reach our controllers and must find their bodies unparsed. `globalPrefix`: the
 * host's own, before every route that it did not exclude from it.
 */
export function servedHere(url: string, globalPrefix = ''): boolean {
  const question = url.indexOf('?');
  const whole = plain(question < 0 ? url : url.slice(0, question));
  const before = `/${globalPrefix.replace(/^\/+|\/+$/g, '').toLowerCase()}/`;
  const path = whole.startsWith(before) ? whole.slice(before.length - 1) : whole;
  return PREFIXES.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}

function plain(path: string): string {
  if (!/[%A-Z]/.test(path)) return path;
  try {
    return decodeURIComponent(path).toLowerCase();
  } catch {
    return path.toLowerCase();
  }
}
