import { AnchorError, type AnchorErrorReason } from '@wattproof/core/spi';
import { RpcError } from './evm-rpc.js';

/**
 * Execution clients say why they refuse only in words, so the words are matched here and nowhere else. They are those of
 * geth's txpool and core (`core/error.go`, `core/txpool/errors.go`), and of Nethermind, Besu, Erigon, reth and anvil where they differ.
 */
const REASONS: readonly (readonly [RegExp, AnchorErrorReason])[] = [
  [/nonce too low|nonce has already been used|OldNonce|nonce is too low/i, 'conflict'],
  [
    /underpriced|fee (cap )?(is )?(less|lower|too low)|max fee per gas less|below the (minimum|base)|FeeTooLow|gas price (is )?(too low|below)/i,
    'underpriced',
  ],
  [/insufficient (funds|balance)|upfront cost exceeds|InsufficientFunds/i, 'insufficient-funds'],
  [/exceeds the configured cap|tx fee .* exceeds/i, 'capped'],
  [
    /txpool is full|pool is full|rate limit|too many requests|timeout|timed out|busy/i,
    'unavailable',
  ],
  [/nonce too high|gapped|future transaction/i, 'conflict'],
  [/chain ?id|replay-protected|rlp:|invalid sender|intrinsic gas|typed transaction/i, 'invalid'],
];

/** JSON-RPC's and EIP-1474's codes of a node that cannot serve now: internal, unavailable, limit exceeded. */
const UNAVAILABLE_CODES = [-32_603, -32_002, -32_005, -32_601];

/** True when the refusal means that the node has this very transaction. */
export function isKnown(error: unknown): boolean {
  return /already known|known transaction|already imported|AlreadyKnown|already in (mem)?pool/i.test(
    said(error),
  );
}

/** True when the refusal means that a later transaction of the account is already included. */
export function isNonceUsed(error: unknown): boolean {
  return (REASONS[0] as readonly [RegExp, unknown])[0].test(said(error));
}

/** The node's own words. */
const said = (error: unknown): string => {
  const cause = error instanceof AnchorError ? error.cause : undefined;
  return cause instanceof RpcError ? cause.message : '';
};

export function anchorErrorOf(error: unknown): Error {
  if (!(error instanceof RpcError))
    return error instanceof Error ? error : new Error(String(error));
  const { method, code, message } = error;
  // What follows is the contract's word, not the node's: anybody writes contracts.
  const reverted = /\brevert(ed)?\b/i.test(message);
  const matched = reverted ? 'rejected' : REASONS.find(([pattern]) => pattern.test(message))?.[1];
  const reason = matched ?? (UNAVAILABLE_CODES.includes(code) ? 'unavailable' : 'rejected');
  return new AnchorError(reason, `The EVM node refused ${method}: ${message} (${code}).`, {
    cause: error,
  });
}

/** A node whose answer cannot be true is asked again later, or another in its place; nothing is lost by not believing it. */
export const disbelieved = (what: string, cause?: unknown): AnchorError =>
  new AnchorError(
    'unavailable',
    `The EVM node's answer is not believed: ${what}. Check rpc.url.`,
    cause === undefined ? undefined : { cause },
  );
