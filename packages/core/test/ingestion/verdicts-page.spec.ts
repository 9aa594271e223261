import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DevicesConfig } from '../../src/devices/devices.config.js';
import { IngestionConfig } from '../../src/ingestion/ingestion.config.js';
import { COVERED_MS } from '../../src/ingestion/point-reading.js';
import { ruleSetOf } from '../../src/ingestion/rule-set.js';
import { VERDICT_CODES, type VerdictCode } from '../../src/ingestion/verdict-codes.js';
import { RELEASED, REVIEW_REJECTED } from '../../src/quarantine/quarantine.store.js';
import { canonicalJsonBytes } from '../../src/verify/rfc8785.js';
import { parseJson } from '../../src/verify/json/parse.js';

const PAGE = new URL('../../../../docs/formats/verdicts.md', import.meta.url);

describe('The page of verdicts', () => {
  const config = IngestionConfig.parse({});
  const devices = DevicesConfig.parse({});
  const rules = ruleSetOf(config, devices);
  let page: string;
  beforeAll(async () => {
    page = await readFile(PAGE, 'utf8');
  });

  it('names every code beside its status', () => {
    const rows = page.split('## Codes')[1]!.split('\n');
    for (const code of Object.keys(VERDICT_CODES) as VerdictCode[]) {
      const row = rows.find((line) => line.includes(`\`${code}\``));
      expect([code, row?.includes(String(VERDICT_CODES[code].status))]).toEqual([code, true]);
    }
    for (const reason of [RELEASED, REVIEW_REJECTED]) expect(page).toContain(`\`${reason}\``);
  });

  it('has the defaults', () => {
    const { time, energy, limits } = config;
    for (const [name, value] of [
      ['maxFutureMs', time.maxFutureMs],
      ['maxAgeMs', time.maxAgeMs],
      ['idBytes', limits.idBytes],
      ['maxSubmittedKWh', energy.maxSubmittedKWh],
      ['ratingTolerancePercent', energy.ratingTolerancePercent],
      ['sequenceWindow', devices.sequenceWindow],
    ] as const) {
      const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(name));
      expect([name, row?.replaceAll(' ', '').includes(`|${value}`)]).toEqual([name, true]);
    }
    expect(page.replaceAll(' ', '')).toContain(`t−${COVERED_MS}ms`);
  });

  it('names every member of the rules, whose text is canonical', () => {
    const members = Object.keys(JSON.parse(rules.text) as object);
    for (const member of members) expect(page).toContain(`\`${member}\``);
    const canonical = canonicalJsonBytes(parseJson(rules.text, 'exact'));
    expect(Buffer.from(canonical).toString()).toBe(rules.text);
  });
});
