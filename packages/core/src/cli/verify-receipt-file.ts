import { toHex } from '../verify/bytes.js';
import type { TrustLevel } from '../verify/contracts.js';
import { formatVkey, parseVkey } from '../verify/note.js';
import { ReportDraft, type ProofReport } from '../verify/proof-report.js';
import { parseReceipt } from '../verify/parse-receipt.js';
import { verifyReceipt } from '../verify/receipt.js';

/** Checks a receipt on its own: the operator's promise, signed by the receipt key. */
export function verifyReceiptFile(
  text: string,
  pinned: readonly string[],
  required: TrustLevel,
): ProofReport {
  const report = new ReportDraft();
  const keys = pinned.map((vkey) => parseVkey(vkey));
  try {
    const receipt = parseReceipt(text);
    const failure = verifyReceipt(receipt);
    report.signer = formatVkey(receipt.key);
    report.leafHash = toHex(receipt.logHash);
    // Who pins a key does not take just any signer's word: a receipt carries nothing that leads from another key to its own.
    report.selfAsserted = keys.every(({ type }) => type !== 'ed25519');
    if (failure !== undefined) report.fail(failure.code, failure.detail);
    else if (!report.selfAsserted && !keys.some((key) => formatVkey(key) === report.signer))
      report.fail(
        'receipt_key_unknown',
        `signed by ${report.signer}, which is not pinned; GET /api/v1/log/keys names the receipt key`,
      );
    else
      report.prove(
        'receipt',
        `${receipt.origin} promised to include ${receipt.entryId} by ${new Date(receipt.includeByMs).toISOString()}`,
        'operator',
      );
  } catch (error) {
    report.fail('bad_receipt', error instanceof Error ? error.message : String(error));
  }
  return report.finish(required);
}

/** True for JSON that says it is a receipt. */
export function isReceipt(value: unknown): boolean {
  const version = (value as { v?: unknown } | null)?.v;
  return typeof version === 'string' && version.startsWith('wattproof.receipt/');
}
