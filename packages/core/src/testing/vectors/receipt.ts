import { toHex } from '../../verify/bytes.js';
import { formatVkey } from '../../verify/note.js';
import {
  readReceipt,
  receiptJson,
  receiptLeaf,
  verifyReceipt,
  type Receipt,
} from '../../verify/receipt.js';
import { parseReceipt } from '../../verify/parse-receipt.js';
import { canonicalJson } from '../../verify/rfc8785.js';
import { compare, type VectorResult } from './vector-case.js';

interface ReceiptFile {
  readonly leaves: readonly string[];
  readonly receipt: unknown;
  readonly text: string;
  readonly keys: readonly string[];
  readonly mutants?: readonly { readonly member: string; readonly receipt: unknown }[];
}

/** One receipt, and one with each member changed, all refused under the pinned key. */
export function* run(file: unknown): Generator<VectorResult> {
  const { leaves, receipt, text, keys, mutants } = file as ReceiptFile;
  const valid = (read: () => Receipt): boolean => {
    try {
      const one = read();
      return verifyReceipt(one) === undefined && keys.includes(formatVkey(one.key));
    } catch {
      return false;
    }
  };
  yield compare('receipt', true, () => valid(() => readReceipt(receipt)));
  yield compare('receipt: leaf', leaves[1], () => toHex(receiptLeaf(readReceipt(receipt))));
  yield compare('receipt: text', text, () => canonicalJson(receiptJson(parseReceipt(text))));
  for (const { member, receipt: mutant } of mutants ?? [])
    yield compare(`receipt with another ${member}`, false, () => valid(() => readReceipt(mutant)));
}
