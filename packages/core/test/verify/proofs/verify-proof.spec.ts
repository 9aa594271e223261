import { readFileSync } from 'node:fs';
import type { EvidenceVerifier } from '../../../src/verify/contracts.js';
import { verifyProof } from '../../../src/verify/verify-proof.js';

interface File {
  readonly keys: readonly string[];
  readonly valid: readonly { readonly bundle: Record<string, unknown>; readonly text: string }[];
}
const file = JSON.parse(
  readFileSync(new URL('../../../../../vectors/bundle.json', import.meta.url), 'utf8'),
) as File;
const { text, bundle } = file.valid[0]!;

describe('verifyProof', () => {
  it('refuses a proof that does not reach the required level', async () => {
    const report = await verifyProof(text, { require: 'witness' });
    expect(report.ok).toBe(false);
    expect(report.level).toBe('operator');
    expect(report.failures.map(({ code }) => code)).toEqual(['level_not_reached']);
  });

  it('refuses a proof whose signer is neither pinned nor announced by a pinned key', async () => {
    const other = file.keys[0]!;
    const report = await verifyProof({ ...bundle, log_keys: [] }, { keys: [other] });
    expect(report.ok).toBe(false);
    expect(report.failures.map(({ code }) => code)).toEqual(['log_key_unknown']);
  });

  it('never counts evidence that nobody can check', async () => {
    const report = await verifyProof(text, { keys: file.keys });
    expect(report).toMatchObject({ ok: true, level: 'operator', selfAsserted: false });
    expect(report.notChecked.map(({ code }) => code)).toContain('evidence_not_checked');
    expect(report.proven.map(({ code }) => code)).not.toContain('evidence');
  });

  it('fails when evidence fails, whatever else holds', async () => {
    const verifier: EvidenceVerifier = {
      type: 'vector-digest/1',
      verify: async () => ({ ok: false, code: 'not_in_block', detail: 'no such transaction' }),
    };
    const report = await verifyProof(text, { keys: file.keys, verifiers: [verifier] });
    expect(report.ok).toBe(false);
    expect(report.level).toBeUndefined();
    expect(report.failures).toEqual([
      { code: 'not_in_block', text: expect.stringContaining('no such transaction') },
    ]);
  });

  it('reports a verifier that throws as failed evidence', async () => {
    const verifier: EvidenceVerifier = {
      type: 'vector-digest/1',
      verify: () => Promise.reject(new Error('headers are not reachable')),
    };
    const report = await verifyProof(text, { verifiers: [verifier] });
    expect(report.failures.map(({ code }) => code)).toEqual(['evidence_failed']);
  });

  it.each([['{'], ['[]'], ['null'], ['{"v":"wattproof.proof/2"}'], [' '.repeat(5 * 1024 * 1024)]])(
    'answers malformed input with a report',
    async (source) => {
      const report = await verifyProof(source);
      expect(report.failures.map(({ code }) => code)).toEqual(['bad_bundle']);
    },
  );
});
