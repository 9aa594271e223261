import { AnchorError, type AnchorErrorReason } from '@wattproof/core/spi';
import { RpcError } from './bitcoin-rpc.js';

/** Core's RPC_VERIFY_ALREADY_IN_CHAIN. */
const ALREADY_IN_CHAIN = -27;
/** Core's RPC_INVALID_ADDRESS_OR_KEY: no such transaction. */
const NOT_FOUND = -5;

/**
 * Nodes say why they refuse only in words, so the words are matched here and nowhere else. The words are those of
 * Bitcoin Core's validation (`policy/`, `validation.cpp`) and of bcoin's mempool.
 */
const REASONS: readonly [RegExp, AnchorErrorReason][] = [
  [
    /txn-mempool-conflict|bad-txns-spends-conflicting|replacement-adds-unconfirmed|too many potential replacements/i,
    'irreplaceable',
  ],
  [
    /bad-txns-inputs-spent|missing-?orspent|inputs-missingorspent|double[- ]spend|too-long-mempool-chain/i,
    'conflict',
  ],
  [
    /min relay fee not met|mempool min fee|mempool full|insufficient (fee|priority)|fee.*low/i,
    'underpriced',
  ],
  [/insufficient funds/i, 'insufficient-funds'],
  // Its lock time is a height that this node has not reached yet: it will.
  [/non-final/i, 'unavailable'],
];

/** Core's RPC_METHOD_NOT_FOUND: `submitpackage` came with version 26. */
export const NO_PACKAGES = -32_601;

/** True when the refusal means that the node has this very transaction. */
export function isKnown(error: unknown): boolean {
  return (
    error instanceof RpcError &&
    (error.code === ALREADY_IN_CHAIN ||
      /already in (block ?chain|mempool|utxo set)|txn-already-(in-mempool|known)/i.test(
        error.message,
      ))
  );
}

export function isNotFound(error: unknown): boolean {
  return (
    error instanceof RpcError &&
    (error.code === NOT_FOUND || /not found|no such mempool/i.test(error.message))
  );
}

export function anchorErrorOf(error: unknown): Error {
  if (!(error instanceof RpcError))
    return error instanceof Error ? error : new Error(String(error));
  const reason = REASONS.find(([pattern]) => pattern.test(error.message))?.[1] ?? 'rejected';
  return new AnchorError(
    reason,
    `The Bitcoin node refused ${error.method}: ${error.message} (${error.code}).`,
    { cause: error },
  );
}

/** Who takes no packages judges each transaction by itself, and would take them when its floor sinks. */
export function packageErrorOf(error: unknown): Error {
  if (!(error instanceof RpcError) || error.code !== NO_PACKAGES) return anchorErrorOf(error);
  return new AnchorError(
    'underpriced',
    `What a child pays for is below the floor of the node, and it takes no packages (submitpackage, Bitcoin Core 26): ${error.message}.`,
    { cause: error },
  );
}
