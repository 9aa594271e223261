import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Authentication } from '../../src/ingestion/authenticate.js';
import { IngestionConfig } from '../../src/ingestion/ingestion.config.js';
import { judge } from '../../src/ingestion/judge.js';
import { covered } from '../../src/ingestion/point-reading.js';
import { Refusal } from '../../src/ingestion/refusal.js';
import type { VerdictInputs } from '../../src/ingestion/verdict-inputs.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { readDocument } from '../../src/verify/index.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

describe('The verdict of a reading', () => {
  let gateway: TestGateway;
  let api: string;
  let key: string;
  const device = new TestDevice('solar-1');
  const pending = new TestDevice('solar-2');

  beforeAll(async () => {
    gateway = await startTestGateway();
    api = `${gateway.url}/api/v1`;
    const { meters } = gateway.services.store;
    const registers = [{ name: 'generation', direction: 'generation' }] as const;
    const own = { accountId: 'ada', ratingW: 4_000, registers };
    await meters.register(device.stored('active', own), unjournaled);
    await meters.register(pending.stored('pending', { accountId: 'ada' }), unjournaled);
    const body = { account_id: 'ada', role: 'owner' };
    key = (await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey })).json.key;
  });
  afterAll(() => gateway.stop());

  /** Judges again from what is public and from what the owner may see, and from nothing else. */
  const judgedAgain = async (id: string) => {
    const { json } = await ask(`${api}/logs/${id}/verdicts`, { key });
    const [first] = json.verdicts;
    const rules = await ask(`${api}/rules/${first.rules}`);
    expect(createHash('sha256').update(rules.text).digest('hex')).toBe(first.rules);
    const entry = (await ask(`${api}/logs/${id}`, { key })).json;
    const document = readDocument(entry.format, JSON.stringify(entry.document));
    const { energy, limits, minAssurance, time } = rules.json;
    const { coveredMs: _covered, ...amounts } = energy;
    const config = IngestionConfig.parse({ energy: amounts, limits, minAssurance, time });
    const { at, backfill = false, hold, meter } = first.inputs as VerdictInputs;
    const registered = meter === null ? {} : { meter: { ...meter, ratingW: meter.rating_w } };
    const again = judge(
      {
        document,
        reading: covered(entry.format, document.reading!),
        logHash: new Uint8Array(32),
      },
      {
        ...(registered as Pick<Authentication, 'meter'>),
        ...(hold === undefined ? {} : { hold: { code: hold, detail: '' } as never }),
      },
      { ms: at, backfill },
      config,
    );
    if (again instanceof Refusal) throw new Error(again.code);
    return { first, again: [again.verdict, again.reason ?? null] };
  };

  it.each([
    ['accepted', null, device, { generation_kwh: '1' }],
    ['quarantined', 'energy_above_rating', device, { generation_kwh: '1.06' }],
    ['quarantined', 'direction_mismatch', device, { import_kwh: '1' }],
    ['quarantined', 'meter_pending', pending, { generation_kwh: '1' }],
  ] as const)('can be computed again by anybody: %s, %s', async (verdict, reason, of, amounts) => {
    const endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS) * QUARTER_MS;
    const body = of.signed(of.reading(endsMs, { import_kwh: undefined, ...amounts }));
    const { id } = (await ask(`${api}/readings`, { body })).json;
    const { first, again } = await judgedAgain(id);
    expect([first.verdict, first.reason]).toEqual([verdict, reason]);
    expect(again).toEqual([verdict, reason]);
  });

  it('names rules that are told under their id, now and as they were', async () => {
    const now = await ask(`${api}/rules`);
    expect(now.json.v).toBe('wattproof.rules/3');
    const id = now.headers.get('etag')!.replaceAll('"', '');
    expect((await ask(`${api}/rules/${id}`)).text).toBe(now.text);
    const unknown = await ask(`${api}/rules/${'0'.repeat(64)}`);
    expect([unknown.status, unknown.json.code]).toEqual([404, 'rules_not_found']);
  });

  it('is told to those who may see the entry', async () => {
    for (const id of ['nothing', `log_${'0'.repeat(32)}`]) {
      const answer = await ask(`${api}/logs/${id}/verdicts`, { key });
      expect([answer.status, answer.json.code]).toEqual([404, 'log_not_found']);
    }
    expect((await ask(`${api}/logs/x/verdicts`)).status).toBe(401);
  });
});
