import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** The energy ledger: what was credited, and what it was used for. */
export const ENERGY_ROUTES = {
  meterEnergy: {
    method: 'GET',
    path: `${API}/meters/:id/energy`,
    access: 'owner',
    scope: 'read',
    tag: 'energy',
    summary: 'Credits, claims and shortfalls of a meter, interval by interval',
  },
} as const satisfies Record<string, RouteRule>;

export const ENERGY_OPERATIONS: Readonly<Record<keyof typeof ENERGY_ROUTES, OperationShape>> = {
  meterEnergy: {
    query: {
      ...page,
      from: 'Intervals that start at or after (RFC 3339).',
      to: 'Intervals that start before (RFC 3339).',
    },
    answers: {
      200: 'meter_id, intervals (register, class, start, end, credited_kwh, claimed_kwh, shortfall_kwh, available_kwh, frozen, assurance, entry, claims) and holds (promises not yet measured).',
    },
  },
};
