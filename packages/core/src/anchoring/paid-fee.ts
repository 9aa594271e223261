import type { Attempt, Fee } from '../spi/index.js';

/** What an attempt that stands on the ledger has cost: by the ledger's word where it charges less than was offered. */
export function paidFee({ fee, inclusion }: Attempt): bigint {
  return inclusion?.feePaid === undefined ? fee.amount : BigInt(inclusion.feePaid);
}

/** What the attempts of one intent have cost that a block holds; a child's fee is paid on top of its parent's. */
export function paidFor(attempts: readonly Attempt[], unit: string): Fee {
  const amount = attempts
    .filter(({ state }) => state === 'included' || state === 'final')
    .reduce((sum, attempt) => sum + paidFee(attempt), 0n);
  return { amount, unit };
}
