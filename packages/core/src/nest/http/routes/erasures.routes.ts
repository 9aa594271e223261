import type { OperationShape } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** Erasing the content of entries. */
export const ERASURE_ROUTES = {
  erase: {
    method: 'POST',
    path: `${API}/admin/erasures`,
    access: 'admin',
    scope: 'erasure',
    tag: 'logs',
    summary:
      'Erases the content of entries for good; their leaves stay, and every other proof still verifies',
  },
} as const satisfies Record<string, RouteRule>;

const ids = { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 1000 } as const;

export const ERASURE_OPERATIONS: Readonly<Record<keyof typeof ERASURE_ROUTES, OperationShape>> = {
  erase: {
    body: {
      types: ['application/json'],
      schema: {
        type: 'object',
        required: ['reason'],
        description:
          'Either `entries`, or of one meter the readings and what its device told besides, all or of a time.',
        properties: {
          entries: ids,
          meter_id: { type: 'string' },
          from: { type: 'string', format: 'date-time' },
          to: { type: 'string', format: 'date-time' },
          reason: { type: 'string', maxLength: 256 },
        },
      },
    },
    answers: {
      200: 'erased (ids), already_erased (ids), refused (id, code: entry_unknown, entry_system, entry_unsalted); of a meter also reports (how many alerts, telemetry, deliveries, commands, dead_letters).',
    },
  },
};
