import type { AnchorStatus } from '../../anchoring/index.js';
import type { Fee } from '../../spi/index.js';

/** Where a batch stands on one anchor. Amounts are decimal strings in the ledger's smallest unit. */
export function anchorDocument(status: AnchorStatus): object {
  const { inclusion } = status;
  return {
    anchor: status.anchor,
    state: status.state,
    txid: status.txId ?? null,
    block_hash: inclusion?.blockHash ?? null,
    block_height: inclusion?.height ?? null,
    block_time: inclusion === undefined ? null : new Date(inclusion.blockTimeMs).toISOString(),
    depth: inclusion?.depth ?? null,
    trust: status.trust ?? null,
    fee: status.fee === undefined ? null : feeDocument(status.fee),
    paid: status.paid === undefined ? null : feeDocument(status.paid),
    attempts: status.attempts.map((attempt) => ({
      txid: attempt.txId,
      state: attempt.state,
      ...(attempt.childOf === undefined ? {} : { child_of: attempt.childOf }),
      fee: feeDocument(attempt.fee),
      created_at: new Date(attempt.createdAtMs).toISOString(),
    })),
    covered_by_size: status.coveredBySize === undefined ? null : Number(status.coveredBySize),
    reason: status.reason ?? null,
    retry_at: status.retryAtMs === undefined ? null : new Date(status.retryAtMs).toISOString(),
    pending_ms: status.pendingMs ?? null,
  };
}

export function feeDocument({ amount, unit, rate }: Fee): object {
  return { amount: String(amount), unit, ...(rate === undefined ? {} : { rate }) };
}
