import { AnchorError } from '../../spi/index.js';
import { fromUtf8, toHex, utf8 } from '../../verify/bytes.js';
import { sha256 } from '../../verify/sha256.js';

/** A transaction of the fake ledger; its bytes are its JSON, its id their SHA-256. */
export interface FakeTransaction {
  readonly intent: string;
  readonly conflictKey: string;
  readonly origin: string;
  readonly size: string;
  readonly digest: string;
  readonly fee: string;
  /** Last height at which it may be included. */
  readonly validUntil: number | null;
  /** The transaction whose output this one spends, in hex: whoever has the child has the parent too. */
  readonly parent?: string;
}

export const encodeFake = (tx: FakeTransaction): Uint8Array => utf8(JSON.stringify(tx));
export const fakeTxId = (bytes: Uint8Array): string => toHex(sha256(bytes));

export function decodeFake(bytes: Uint8Array): FakeTransaction {
  try {
    return JSON.parse(fromUtf8(bytes)) as FakeTransaction;
  } catch (cause) {
    throw new AnchorError('invalid', 'these bytes are no transaction of the fake ledger', {
      cause,
    });
  }
}
