import { fromHex, toHex } from '../../verify/bytes.js';
import { rootFromPath } from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { formatVkey } from '../../verify/note.js';
import { readReceipt, receiptJson, receiptLeaf, verifyReceipt } from '../../verify/receipt.js';
import { parseReceipt } from '../../verify/parse-receipt.js';
import { canonicalJson } from '../../verify/rfc8785.js';
import { compare, each, isRefusal, unknownGroups, type VectorResult } from './vector-case.js';

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
  const valid = (value: unknown): boolean => {
    try {
      const one = readReceipt(value);
      return verifyReceipt(one) === undefined && keys.includes(formatVkey(one.key));
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  };
  yield compare('receipt', true, () => valid(receipt));
  yield compare('receipt: leaf', true, () =>
    leaves.includes(toHex(receiptLeaf(readReceipt(receipt)))),
  );
  yield compare('receipt: root of all leaves', toHex(merkleRootOf(leaves)), () => {
    const one = readReceipt(receipt);
    return toHex(rootFromPath({ ...one, profile: 'rfc9162', leaf: receiptLeaf(one) })!);
  });
  yield compare('receipt: number of leaves', leaves.length, () => readReceipt(receipt).size);
  yield compare('receipt: text', text, () => canonicalJson(receiptJson(parseReceipt(text))));
  yield* each('mutants', mutants, function* ({ member, receipt: mutant }) {
    yield compare(`receipt with another ${member}`, false, () => valid(mutant));
  });
  yield* unknownGroups(file, ['leaves', 'receipt', 'keys', 'mutants']);
}

function merkleRootOf(leaves: readonly string[]): Uint8Array {
  return merkleRoot('rfc9162', leaves.map(fromHex));
}
