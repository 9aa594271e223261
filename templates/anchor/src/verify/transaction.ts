import { canonicalJson, concat, fromUtf8, sha256, toHex, utf8 } from '@wattproof/core/verify';

/** What an account wants done. */
export interface Payment {
  /** Public key of the account, hex. */
  readonly account: string;
  /** Used once per account. */
  readonly sequence: number;
  /** Mites, as a decimal string. */
  readonly fee: string;
  /** The commitment's digest, hex. */
  readonly memo: string;
}
export interface Transaction extends Payment {
  /** Ed25519 over `unsignedText`, hex. */
  readonly signature: string;
}

export const unsignedText = ({ account, sequence, fee, memo }: Payment): string =>
  canonicalJson({ account, sequence, fee, memo });

export const transactionBytes = (transaction: Transaction): Uint8Array =>
  utf8(canonicalJson({ ...transaction }));

/** Hex of the leaf hash (RFC 9162 §2.1.1) under which a block lists the transaction. */
export const transactionId = (bytes: Uint8Array): string => toHex(transactionLeaf(bytes));
export const transactionLeaf = (bytes: Uint8Array): Uint8Array =>
  sha256(concat(Uint8Array.of(0), bytes));

/** Throws `SyntaxError` for bytes that are no transaction of Tally. */
export function readTransaction(bytes: Uint8Array): Transaction {
  const read = JSON.parse(fromUtf8(bytes)) as Partial<Transaction> | null;
  const { account, sequence, fee, memo, signature } = read ?? {};
  if (
    typeof account !== 'string' ||
    typeof sequence !== 'number' ||
    !/^\d{1,30}$/.test(String(fee)) ||
    typeof fee !== 'string' ||
    typeof memo !== 'string' ||
    typeof signature !== 'string'
  )
    throw new SyntaxError('these bytes are no transaction of Tally');
  return { account, sequence, fee, memo, signature };
}
