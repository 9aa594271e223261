import { equal, fromUtf8, toHex } from '../verify/bytes.js';
import { pathOfPositioned, verifyInclusion } from '../verify/inclusion.js';
import { ReportDraft, type ProofReport } from '../verify/proof-report.js';
import type { TrustLevel } from '../verify/contracts.js';
import { canonicalize } from '../verify/formats/default-formats.js';
import { Shape, ShapeError } from '../verify/shape.js';
import { leafHash, logHash } from '../verify/tree-hashing.js';

const PROFILES = ['rfc9162', 'kwh-btc-iot'] as const;

/**
 * Checks a proof of the form `GET /logs/{id}/proof` against the entry it speaks of. The proof carries no signature, so it rests on
 * whoever published the root: it proves that the entry is in the tree of that root, reaches no more than `operator`, and fails when a key is pinned.
 * `log` is the entry's document (JSON), its canonical bytes, or its preimage with the leading `LOG::`.
 */
export function verifySeedProof(
  proof: unknown,
  log: Uint8Array,
  required: TrustLevel,
  pinned: readonly string[] = [],
): ProofReport {
  const report = new ReportDraft();
  try {
    check(proof, log, report);
  } catch (error) {
    report.fail('bad_proof', error instanceof Error ? error.message : String(error));
  }
  if (pinned.length > 0)
    report.fail('not_signed', 'a key is pinned, and a proof of this form carries no signature');
  return report.finish(required);
}

function check(value: unknown, log: Uint8Array, report: ReportDraft): void {
  const shape = new Shape(
    value,
    'proof',
    ['leaf_hash', 'merkle_root', 'index', 'tree_size', 'proof'],
    ['log_id', 'batch_id', 'merkle_leaf', 'profile', 'salt'],
  );
  const profile = shape.has('profile') ? shape.oneOf('profile', PROFILES) : 'kwh-btc-iot';
  const salt =
    shape.has('salt') && shape.raw('salt') !== null ? shape.hex('salt', 0, 64) : new Uint8Array(0);
  const index = shape.count('index');
  const size = shape.count('tree_size');
  const steps = shape.list('proof', 64, (item, at) => {
    const step = new Shape(item, at, ['position', 'hash']);
    return { position: step.oneOf('position', ['left', 'right']), hash: step.hex('hash', 32) };
  });
  const hash = hashOf(log, shape.hex('leaf_hash', 32));
  report.leafHash = toHex(hash);
  report.prove('leaf', 'the log file is the entry that leaf_hash names');
  const leaf = leafHash(profile, hash, salt);
  if (shape.has('merkle_leaf') && !equal(leaf, shape.hex('merkle_leaf', 32)))
    throw new ShapeError('proof.merkle_leaf', 'is not the leaf of this entry and salt');
  const path = pathOfPositioned(profile, index, size, steps);
  const root = shape.hex('merkle_root', 32);
  if (path === undefined || !verifyInclusion({ profile, leaf, index, size, path, root }))
    return report.fail(
      'inclusion',
      `the entry is not number ${index} of the ${size} under that root`,
    );
  report.prove(
    'inclusion',
    `the entry is number ${index} of the ${size} under ${toHex(root)}`,
    'operator',
  );
  report.skip('unsigned_root', 'the root itself is not signed: compare it with one you trust');
}

/** logHash of the log file, in whichever of its three forms it is the one the proof names. */
function hashOf(log: Uint8Array, expected: Uint8Array): Uint8Array {
  const tag = [0x4c, 0x4f, 0x47, 0x3a, 0x3a];
  const forms = [
    () => log,
    () => (tag.every((byte, i) => log[i] === byte) ? log.subarray(tag.length) : log),
    () => canonicalize('emlog-1.1', fromUtf8(log)),
    () => canonicalize('reading/1', fromUtf8(log)),
  ];
  for (const form of forms) {
    try {
      const hash = logHash(form());
      if (equal(hash, expected)) return hash;
    } catch {
      // Not a document of that format; the next form is tried.
    }
  }
  throw new ShapeError('log', `is not the entry of leaf_hash ${toHex(expected)}`);
}

/** True for JSON that looks like such a proof. */
export function isSeedProof(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'leaf_hash' in value && 'proof' in value;
}
