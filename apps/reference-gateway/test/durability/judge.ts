import { openStore } from '@wattproof/core/mikro-orm';
import { auditStore } from '@wattproof/core/testing';
import type { CampaignResult } from './campaign.js';

export const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface Judged {
  readonly acknowledged: number;
  readonly lost: number;
  readonly twice: number;
  readonly problems: readonly string[];
  readonly batches: number;
  readonly unsealed: number;
}

/** What the store holds, against what the devices were told. */
export async function judge(result: CampaignResult, storeUrl: string): Promise<Judged> {
  const store = await openStore(storeUrl, { logger: silent, clock: { nowMs: () => Date.now() } });
  try {
    const audit = await auditStore(store);
    const lost = [...result.acknowledged].filter((hash) => !audit.hashes.has(hash));
    const twice = [...audit.hashes].filter(([, count]) => count > 1);
    return {
      acknowledged: result.acknowledged.size,
      lost: lost.length,
      twice: twice.length,
      problems: audit.problems,
      batches: audit.batches,
      unsealed: audit.unsealed,
    };
  } finally {
    await store.close();
  }
}

/** For a person: what a long run came to. */
export function report(
  what: string,
  { acknowledged, lost, twice, batches }: Judged,
  { resent }: CampaignResult,
): void {
  if (!nightly) return;
  process.stderr.write(
    `${what}: acknowledged ${acknowledged}, lost ${lost}, twice ${twice}, batches ${batches}, messages resent ${resent}\n`,
  );
}

export function expectNothingLost(what: string, judged: Judged, result: CampaignResult): void {
  report(what, judged, result);
  expect(judged).toMatchObject({ lost: 0, twice: 0, unsealed: 0, problems: [] });
  expect(judged.acknowledged).toBeGreaterThan(100);
  expect(judged.batches).toBeGreaterThan(0);
  expect(result.refused).toEqual([]);
  expect(result.exitCode).toBe(0);
}
