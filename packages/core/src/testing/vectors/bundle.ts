import { toHex } from '../../verify/bytes.js';
import { bundleText, readBundle } from '../../verify/bundle.js';
import type { EvidenceVerifier } from '../../verify/contracts.js';
import { verifyProof } from '../../verify/verify-proof.js';
import { compare, unknownGroups, type VectorResult } from './vector-case.js';

interface BundleFile {
  readonly keys: readonly string[];
  readonly valid?: readonly { name: string; bundle: object; text: string; level: string }[];
  readonly mutants?: readonly { member: string; bundle: object }[];
  readonly shapes?: readonly { name: string; bundle: object }[];
}

/** Checks `vector-digest/1`, an evidence type that exists only in this file: the digest, written out. */
const vectorDigest: EvidenceVerifier = {
  type: 'vector-digest/1',
  async verify(commitment, { anchor, ledger, trust, body }) {
    const ok =
      anchor === 'vector' &&
      ledger === `vector:${commitment.origin}` &&
      trust === 'witness' &&
      body['digest'] === toHex(commitment.digest);
    return ok
      ? { ok, trust: 'witness', statement: 'the digest was written out' }
      : { ok, code: 'vector_digest', detail: 'another digest' };
  },
};

/** Full bundles, one with each member changed, and shapes that are none. */
export async function* run(file: unknown): AsyncGenerator<VectorResult> {
  const { keys, valid, mutants, shapes } = file as BundleFile;
  const options = { keys, verifiers: [vectorDigest] };
  for (const { name, bundle, text, level } of valid ?? []) {
    for (const source of [bundle, text]) {
      const report = await verifyProof(source, options);
      yield compare(`${name}: ${typeof source}`, [true, level, false, []], () => [
        report.ok,
        report.level,
        report.selfAsserted,
        report.failures,
      ]);
    }
    yield compare(`${name}: text`, text, () => bundleText(readBundle(bundle)));
    const spaced = await verifyProof(text.replace('{', '{ '), options);
    yield compare(`${name}: not in canonical form`, false, () => spaced.ok);
    const alone = await verifyProof(bundle);
    yield compare(
      `${name}: nothing pinned, nothing to check the evidence with`,
      [true, 'operator', true, true],
      () => [
        alone.ok,
        alone.level,
        alone.selfAsserted,
        alone.notChecked.some(({ code }) => code === 'evidence_not_checked'),
      ],
    );
  }
  for (const { member, bundle } of mutants ?? []) {
    const report = await verifyProof(bundle, options);
    // A report without a reason would mean that nothing was looked at.
    yield compare(`another ${member}`, [false, true], () => [
      report.ok,
      report.failures.length > 0,
    ]);
  }
  for (const { name, bundle } of shapes ?? []) {
    const report = await verifyProof(bundle, options);
    yield compare(name, [false, 'bad_bundle'], () => [report.ok, report.failures[0]?.code]);
  }
  yield* unknownGroups(file, ['keys', 'valid', 'mutants', 'shapes']);
}
