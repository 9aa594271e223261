import type { OperationShape } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** Batches that devices chained: proofs that no reading is missing between two numbers. */
export const CHAIN_ROUTES = {
  meterChain: {
    method: 'GET',
    path: `${API}/meters/:id/keys/:key_id/chain`,
    access: 'owner',
    scope: 'read',
    tag: 'meters',
    summary: 'The chain of batches a key signed: no reading between two numbers is missing',
  },
} as const satisfies Record<string, RouteRule>;

export const CHAIN_OPERATIONS: Readonly<Record<keyof typeof CHAIN_ROUTES, OperationShape>> = {
  meterChain: {
    query: {
      from: 'Sequence number of the first reading, default 0.',
      to: 'Sequence number of the last reading, default the newest.',
    },
    answers: {
      200: 'A wattproof.chain/1: v, alg, public_key, batches (first, last, root, previous, signature), at most 10,000 from `from` on. `verifyChain` of @wattproof/core/verify/envelopes checks it.',
      404: 'meter_not_found, key_not_found. chain_not_found: the key signed no batches with these numbers.',
    },
  },
};
