import { AnchorError, type AnchorErrorReason } from '@wattproof/core/spi';
import { RpcError } from './bitcoin-rpc.js';

/** Core's RPC_VERIFY_ALREADY_IN_CHAIN. */
const ALREADY_IN_CHAIN = -27;
/** Core's RPC_INVALID_ADDRESS_OR_KEY: no such transaction. */
const NOT_FOUND = -5;
/** Core's RPC_DESERIALIZATION_ERROR, RPC_TRANSACTION_ERROR, RPC_TRANSACTION_REJECTED: about the transaction itself. */
const VERDICTS: readonly number[] = [-22, -25, -26];
/** What an operator does about refusals that say nothing of a transaction, by Core's code. */
const ADVICE: Readonly<Record<number, string>> = {
  [-18]: ' Load the wallet that rpc.wallet names: bitcoin-cli loadwallet.',
  [-19]: ' Name the wallet in rpc.wallet.',
  [-28]: ' It is starting and is asked again.',
  [-32601]: ' Bitcoin Core 24 or newer is needed.',
};

/** What hands a transaction over. */
const SENDING: readonly string[] = ['sendrawtransaction', 'submitpackage', 'POST /tx'];

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
  return error instanceof RpcError && error.code === NOT_FOUND;
}

/**
 * What a refusal means. A transaction is given up only for words about it: a node that starts, scans, prunes or asks for
 * something else has said nothing of it, and is asked again.
 */
export function anchorErrorOf(error: unknown): Error {
  if (!(error instanceof RpcError))
    return error instanceof Error ? error : new Error(String(error));
  const { code, message, method } = error;
  const ofTransaction = SENDING.includes(method);
  const named = ofTransaction && REASONS.find(([pattern]) => pattern.test(message))?.[1];
  const verdict = ofTransaction && VERDICTS.includes(code) ? 'rejected' : 'unavailable';
  return new AnchorError(
    named || verdict,
    `The Bitcoin node refused ${method}: ${message} (${code}).${ADVICE[code] ?? ''}`,
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
