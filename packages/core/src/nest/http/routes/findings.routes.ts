import type { OperationShape } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** What detectors found in readings. */
export const FINDINGS_ROUTES = {
  logFindings: {
    method: 'GET',
    path: `${API}/logs/:id/findings`,
    access: 'owner',
    scope: 'read',
    tag: 'logs',
    summary: 'Why detectors flagged or held a reading, with all that it follows from',
  },
} as const satisfies Record<string, RouteRule>;

export const FINDINGS_OPERATIONS: Readonly<Record<keyof typeof FINDINGS_ROUTES, OperationShape>> = {
  logFindings: {
    answers: {
      200: 'id, verdict, reason, and findings: detector, register, code, action, entry (the log entry finding/1 that states it), hash (SHA-256 of the canonical document, as that entry names it) and document, which `wattproof recompute` computes again.',
    },
  },
};
