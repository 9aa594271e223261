import { batchLogLeaf, parseBatchMetadata, type BatchMetadata } from './batch-log.js';
import { equal, fromUtf8, toHex } from './bytes.js';
import { readBundle, type Bundle, type BundleEvidence, type LogPlace } from './bundle.js';
import { checkCheckpoint } from './check-checkpoint.js';
import { commitmentOf } from './commitment.js';
import type { Sha256 } from './contracts.js';
import { verifyEntrySignature } from './entry-signature.js';
import { verifyInclusion } from './inclusion.js';
import { formatVkey, parseVkey, type NoteKey } from './note.js';
import { ReportDraft, type ProofReport } from './proof-report.js';
import { receiptKeyName, verifyReceipt, type Receipt } from './receipt.js';
import { sha256 as pureSha256 } from './sha256.js';
import { leafHash, logHash } from './tree-hashing.js';
import type { VerifyOptions } from './verify-options.js';

/** Anchor packages by the beginning of the evidence types they check; only for the hint of what to install. */
const EVIDENCE_PACKAGES: readonly (readonly [string, string])[] = [
  ['bitcoin-', '@wattproof/anchor-bitcoin'],
  ['evm-', '@wattproof/anchor-evm'],
  ['local-ledger', '@wattproof/core'],
];

/**
 * Checks a proof bundle: its text, its bytes, or the parsed object. Everything is recomputed from the entry's bytes:
 * logHash, leaf, batch root, batch log leaf, checkpoint, commitment, evidence. Never throws for what the bundle holds; a malformed bundle is a
 * report with the failure `bad_bundle`. Throws `bad_vkey` for a malformed pinned key.
 */
export async function checkBundle(
  source: string | Uint8Array | object,
  options: VerifyOptions = {},
): Promise<ProofReport> {
  const pinned = (options.keys ?? []).map((vkey) => parseVkey(vkey));
  const report = new ReportDraft();
  const required = options.require ?? 'operator';
  let bundle: Bundle;
  try {
    bundle = readBundle(source);
  } catch (error) {
    report.fail('bad_bundle', message(error));
    return report.finish(required);
  }
  const check = new BundleCheck(bundle, pinned, options, report);
  await check.run();
  return report.finish(required);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

class BundleCheck {
  readonly #sha256: Sha256;

  constructor(
    private readonly bundle: Bundle,
    private readonly pinned: readonly NoteKey[],
    private readonly options: VerifyOptions,
    private readonly report: ReportDraft,
  ) {
    this.#sha256 = options.sha256 ?? pureSha256;
  }

  async run(): Promise<void> {
    const { bundle, report } = this;
    const { format, bytes } = bundle.entry;
    const hash = logHash(bytes, this.#sha256);
    report.leafHash = toHex(hash);
    this.#format(format, bytes);
    if (bundle.signature !== undefined)
      verifyEntrySignature(
        bundle.signature,
        { format, bytes, logHash: hash },
        report,
        this.options,
      );
    else report.skip('no_device_signature', 'the bundle carries no device signature');
    const metadata = this.#metadata();
    if (metadata === undefined || !this.#inclusion(hash, metadata)) return;
    const leaf = batchLogLeaf(bundle.batch, bundle.inclusion.root, this.#sha256);
    if (!this.#inLog(leaf, metadata, bundle.log, 'log')) return;
    const trusted = checkCheckpoint(bundle, metadata, this.pinned, this.options, report);
    if (bundle.receipt === undefined) report.skip('no_receipt', 'the bundle carries no receipt');
    else this.#receipt(bundle.receipt, hash, metadata, trusted);
    if (bundle.evidence.length === 0)
      report.skip('no_evidence', 'the bundle carries no evidence of a ledger');
    for (const [i, item] of bundle.evidence.entries())
      await this.#evidence(item, i, leaf, metadata, trusted);
  }

  #format(format: string, bytes: Uint8Array): void {
    const { formats } = this.options;
    if (!formats?.names.includes(format)) {
      this.report.skip(
        'format_unknown',
        `format ${format} is not known here; its bytes were not read`,
      );
      return;
    }
    try {
      if (!equal(formats.canonicalize(format, fromUtf8(bytes)), bytes))
        this.report.fail('not_canonical', `the entry is not in the canonical form of ${format}`);
    } catch (error) {
      this.report.fail('bad_entry', `the entry is no ${format}: ${message(error)}`);
    }
  }

  #metadata(): BatchMetadata | undefined {
    try {
      return parseBatchMetadata(this.bundle.batch);
    } catch (error) {
      this.report.fail('bad_batch_metadata', message(error));
      return undefined;
    }
  }

  #inclusion(hash: Uint8Array, metadata: BatchMetadata): boolean {
    const { entry, inclusion } = this.bundle;
    const fail = (text: string): boolean => {
      this.report.fail('inclusion', text);
      return false;
    };
    if (inclusion.profile !== metadata.profile || inclusion.size !== metadata.count)
      return fail(
        `the batch is ${metadata.profile} with ${metadata.count} entries, the proof says ${inclusion.profile} with ${inclusion.size}`,
      );
    if (inclusion.profile === 'kwh-btc-iot' && entry.salt.length > 0)
      return fail('profile kwh-btc-iot has no salt');
    const leaf = leafHash(inclusion.profile, hash, entry.salt, this.#sha256);
    if (!verifyInclusion({ ...inclusion, leaf }, this.#sha256))
      return fail(
        `the entry is not number ${inclusion.index} of the ${inclusion.size} in its batch`,
      );
    this.report.prove(
      'inclusion',
      `the entry is number ${inclusion.index} of the ${inclusion.size} in batch ${metadata.number}`,
    );
    return true;
  }

  #inLog(leaf: Uint8Array, metadata: BatchMetadata, place: LogPlace, what: string): boolean {
    const { size, path, root } = place;
    const claim = { profile: 'rfc9162', leaf, index: metadata.number, size, path, root } as const;
    if (!verifyInclusion(claim, this.#sha256)) {
      this.report.fail(
        'batch_log',
        `${what}: batch ${metadata.number} is not in the log of ${size}`,
      );
      return false;
    }
    // The newest leaf is hashed after its neighbour: `prev` must be that neighbour when the path shows it.
    const neighbour = metadata.number % 2 === 1 ? path[0] : undefined;
    if (neighbour !== undefined && !equal(neighbour, metadata.prev)) {
      this.report.fail(
        'batch_chain',
        `${what}: prev is not the leaf of batch ${metadata.number - 1}`,
      );
      return false;
    }
    return true;
  }

  #receipt(
    receipt: Receipt,
    hash: Uint8Array,
    metadata: BatchMetadata,
    trusted: readonly NoteKey[],
  ): void {
    const { report } = this;
    const failure = verifyReceipt(receipt, this.options);
    if (failure !== undefined) return report.fail(failure.code, failure.detail);
    if (receipt.origin !== metadata.origin || !equal(receipt.logHash, hash))
      return report.fail('receipt_other_entry', 'the receipt is for another entry or another log');
    const vkey = formatVkey(receipt.key);
    const pinnedReceiptKeys = trusted.filter((key) => key.name === receiptKeyName(receipt.origin));
    if (!pinnedReceiptKeys.some((key) => formatVkey(key) === vkey)) {
      if (pinnedReceiptKeys.length > 0)
        return report.fail('receipt_key_unknown', `the receipt is signed by ${vkey}, not pinned`);
      // Anybody can write a receipt under a key of his own: it is no evidence against the operator.
      return report.skip(
        'receipt_key',
        `the receipt is signed by ${vkey}, which nothing here vouches for`,
      );
    }
    report.prove('receipt', `the operator promised inclusion by ${iso(receipt.includeByMs)}`);
    if (metadata.sealedAtMs > receipt.includeByMs)
      report.prove(
        'receipt_broken',
        `the batch was sealed at ${iso(metadata.sealedAtMs)}, after the promised ${iso(receipt.includeByMs)}: evidence against the operator`,
      );
  }

  async #evidence(
    { log, evidence }: BundleEvidence,
    index: number,
    leaf: Uint8Array,
    metadata: BatchMetadata,
    trusted: readonly NoteKey[],
  ): Promise<void> {
    const { bundle, report, options } = this;
    const name = `evidence ${index} (${evidence.type}, ${evidence.ledger})`;
    if (!this.#inLog(leaf, metadata, log, name)) return;
    if (log.size === bundle.log.size && !equal(log.root, bundle.log.root))
      return report.fail('split_view', `${name}: another root than the checkpoint's at one size`);
    const verifier = options.verifiers?.find(({ type }) => type === evidence.type);
    if (verifier === undefined) {
      const from = EVIDENCE_PACKAGES.find(([start]) => evidence.type.startsWith(start))?.[1];
      return report.skip(
        'evidence_not_checked',
        `${name}: no verifier${from === undefined ? '' : `; install ${from}`}`,
      );
    }
    try {
      const commitment = commitmentOf(metadata.origin, log.size, log.root, this.#sha256);
      const verdict = await verifier.verify(commitment, evidence, {
        ...(options.headers === undefined ? {} : { headers: options.headers }),
        trustedKeys: trusted.map(formatVkey),
      });
      if (!verdict.ok) return report.fail(verdict.code, `${name}: ${verdict.detail}`);
      const when =
        verdict.notAfterMs === undefined ? '' : ` (no later than ${iso(verdict.notAfterMs)})`;
      report.prove(
        'evidence',
        `${name}, ${verdict.trust}: ${verdict.statement}${when}`,
        verdict.trust,
      );
    } catch (error) {
      report.fail('evidence_failed', `${name}: ${message(error)}`);
    }
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
