import { join } from 'node:path';
import { openStore } from '@wattproof/core/mikro-orm';
import { auditStore, silentLogger } from '@wattproof/core/testing';
import type { CampaignResult } from './campaign.js';

export const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
const EMBEDDED = 'embedded://';

export interface Judged {
  readonly acknowledged: number;
  readonly lost: number;
  readonly twice: number;
  readonly problems: readonly string[];
  readonly batches: number;
  readonly unsealed: number;
}

/** What the store of gateways in `folder` holds, against what devices were told. */
export async function judge(
  acknowledged: ReadonlySet<string>,
  storeUrl: string,
  folder: string,
): Promise<Judged> {
  const url = storeUrl.startsWith(EMBEDDED)
    ? `${EMBEDDED}${join(folder, storeUrl.slice(EMBEDDED.length))}`
    : storeUrl;
  const store = await openStore(url, { logger: silentLogger, clock: { nowMs: () => Date.now() } });
  try {
    const { hashes, problems, batches, unsealed } = await auditStore(store);
    return {
      acknowledged: acknowledged.size,
      lost: [...acknowledged].filter((hash) => !hashes.has(hash)).length,
      twice: [...hashes.values()].filter((times) => times > 1).length,
      problems,
      batches,
      unsealed,
    };
  } finally {
    await store.close();
  }
}

/** For a person: what a long run came to. */
export function report(what: string, result: CampaignResult): void {
  if (!nightly) return;
  const { acknowledged, lost, twice, batches, resent } = result;
  process.stderr.write(
    `${what}: acknowledged ${acknowledged}, lost ${lost}, twice ${twice}, batches ${batches}, messages resent ${resent}\n`,
  );
}

export function expectNothingLost(what: string, result: CampaignResult): void {
  report(what, result);
  expect(result).toMatchObject({ lost: 0, twice: 0, unsealed: 0, problems: [], refused: [] });
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(result.batches).toBeGreaterThan(0);
  // One that a fault took for good has the signal; whoever was there to be told to stop did.
  expect(result.exitCodes.at(-1)).toBe(0);
}
