import { readFileSync } from 'node:fs';
import verifiers from '@wattproof/anchor-evm/verify';
import { commitmentOf } from '@wattproof/core/verify';
import { evmEvidence } from '../../../../scripts/vector-families/evm-evidence.mjs';

const url = new URL('../../../../vectors/evm-evidence.json', import.meta.url);
const file = JSON.parse(readFileSync(url, 'utf8'));

async function results(of: object) {
  const found: { name: string; ok: boolean }[] = [];
  for await (const result of evmEvidence(verifiers, commitmentOf)(of)) found.push(result);
  return found;
}

describe('the published evidence of EVM chains', () => {
  it('is judged as it says, and every member of every body has a mutant', async () => {
    expect((await results(file)).filter(({ ok }) => !ok)).toEqual([]);
    for (const { evidence, mutants } of file.cases)
      for (const member of Object.keys(evidence.body))
        expect(mutants.map(({ path }: { path: string[] }) => path[2])).toContain(member);
  });

  it('fails for an expectation that is changed, and for a group nobody knows', async () => {
    const all = (await results(file)).length;
    const other = { ok: false, code: 'other' };
    const changed = file.cases.map((one: any) => ({
      ...one,
      expect: other,
      mutants: one.mutants.map((mutant: object) => ({ ...mutant, expect: other })),
    }));
    const failed = await results({ ...file, cases: changed, more: [] });
    expect(failed.filter(({ ok }) => !ok)).toHaveLength(all + 1);
  });
});
