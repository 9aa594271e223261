import type { OperationShape } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** Why entries have the verdicts they have. */
export const JUDGEMENT_ROUTES = {
  logVerdicts: {
    method: 'GET',
    path: `${API}/logs/:id/verdicts`,
    access: 'owner',
    scope: 'read',
    opens: 'logs',
    tag: 'logs',
    summary: 'Every verdict an entry was given, with what it takes to judge it again',
  },
  currentRules: {
    method: 'GET',
    path: `${API}/rules`,
    access: 'public',
    tag: 'logs',
    summary: 'The rules that judge readings now',
  },
  rules: {
    method: 'GET',
    path: `${API}/rules/:id`,
    access: 'public',
    tag: 'logs',
    summary: 'The rules a verdict or a receipt names',
  },
} as const satisfies Record<string, RouteRule>;

const text = 'The rules as RFC 8785 text; its SHA-256 is their id.';

export const JUDGEMENT_OPERATIONS: Readonly<Record<keyof typeof JUDGEMENT_ROUTES, OperationShape>> =
  {
    logVerdicts: {
      answers: {
        200: 'id, leaf_hash and verdicts, oldest first: verdict, reason, assurance, rules, committed_at, and inputs: what the rules looked at besides the document (at, backfill, hold, meter with rating_w and registers), null where a person or another entry decided.',
      },
    },
    currentRules: { answers: { 200: `${text} The id is in the header ETag.` } },
    rules: { answers: { 200: text, 404: 'No verdict of this log names these rules.' } },
  };
