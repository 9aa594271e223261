import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recompute } from '@wattproof/core/detectors';
import { localLedgerVerifier } from '@wattproof/core/local-ledger';
import { GatewayClient, SeededRandom, SimulatedDevice, whFromKwh } from '@wattproof/core/simulator';
import { FakeClock, startTestGateway, type TestGateway } from '@wattproof/core/testing';
import { verifyProof } from '@wattproof/core/verify';
import { HOUSEHOLD, householdDocuments, householdSeries } from './household.js';

type StoredEntry = Awaited<
  ReturnType<TestGateway['services']['store']['entries']['list']>
>['items'][number];

const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
const HOUR_MS = 3_600_000;
/** By day a slice with a gap of two days, a change to summer time and values that somebody filled in; at night all 16 months. */
const FROM_MS = Date.parse(nightly ? '2015-10-04T00:00:00Z' : '2016-02-01T00:00:00Z');
const TO_MS = Date.parse(nightly ? '2017-02-10T00:00:00Z' : '2016-05-01T00:00:00Z');
const READINGS_PER_ENVELOPE = 500;
const SAMPLE = nightly ? 200 : 20;

const series = householdSeries(FROM_MS, TO_MS);
const documents = householdDocuments(series);

describe('sixteen months of a real household, signed by its device', () => {
  let gateway: TestGateway;
  let entries: readonly StoredEntry[];

  beforeAll(async () => {
    // A year and more after the last value: only the scope `backfill` lets such readings in.
    gateway = await startTestGateway({
      clock: new FakeClock(Date.parse('2018-06-01T00:00:00Z')),
      config: {
        devices: { registration: 'open' },
        batching: { maxEntries: 2048, maxAgeMs: 1000 },
      },
    });
  });
  afterAll(() => gateway.stop());

  async function backfillKey(): Promise<string> {
    const response = await fetch(`${gateway.url}/api/v1/admin/api-keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': gateway.adminKey },
      body: JSON.stringify({
        account_id: 'household',
        role: 'device',
        scopes: ['ingest', 'meters', 'backfill'],
      }),
    });
    return ((await response.json()) as { key: string }).key;
  }

  async function allEntries(): Promise<readonly StoredEntry[]> {
    const found: StoredEntry[] = [];
    let cursor: string | undefined;
    do {
      const page = await gateway.services.store.entries.list({
        limit: 1000,
        source: 'external',
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  it('is taken interval for interval, in envelopes of one signature each', async () => {
    const device = new SimulatedDevice('household/konstanz');
    const client = new GatewayClient(gateway.url, { apiKey: await backfillKey() });
    await client.register({ meter: HOUSEHOLD, device }, await client.origin());
    const verdicts = new Map<string, number>();
    for (let from = 0; from < documents.length; from += READINGS_PER_ENVELOPE) {
      const nonce = createHash('sha256').update(`envelope ${from}`).digest();
      const envelope = device.signBatch(
        'reading/1',
        documents.slice(from, from + READINGS_PER_ENVELOPE),
        nonce,
      );
      const { verdicts: answered = [] } = await client.submit(envelope);
      for (const { verdict, reason } of answered) {
        const what = reason === undefined ? verdict : `${verdict} ${reason}`;
        verdicts.set(what, (verdicts.get(what) ?? 0) + 1);
      }
    }
    expect([...verdicts]).toEqual([['accepted', documents.length]]);
  }, 300_000);

  it('is batched and anchored without a remainder', async () => {
    await gateway.services.batcher.flush();
    await (gateway.clock as FakeClock).advance(2000);
    await gateway.settle();
    entries = await allEntries();
    expect(entries).toHaveLength(documents.length);
    expect(entries.every(({ batch }) => batch !== undefined)).toBe(true);
    expect(entries.every(({ assurance }) => assurance === 'device-signature')).toBe(true);
    const waiting = await gateway.services.store.entries.unsealed();
    // What detectors state of it may wait for the next batch.
    expect(waiting).toMatchObject({ external: 0 });
  }, 300_000);

  it('is never held by a detector, and what statistics say of it can be computed again', async () => {
    expect(entries.filter(({ verdict }) => verdict === 'quarantined')).toEqual([]);
    const flagged = entries.filter(({ verdict }) => verdict === 'flagged');
    expect(flagged.length).toBeGreaterThan(entries.length / 50);
    expect(flagged.length).toBeLessThan(entries.length / 6);
    const byReason = Map.groupBy(flagged, ({ reason }) => reason);
    for (const [reason, some] of byReason) {
      // A jump over a gap is no hour in which all of it happened, and what somebody filled in is no measurement.
      if (reason === 'cusum') continue;
      const hours = some.map(({ startsMs = 0, endsMs = 0 }) => endsMs - startsMs);
      expect(hours.every((ms) => ms === HOUR_MS)).toBe(true);
      expect(some.map(documentOf).filter(({ status }) => status === 'estimated')).toEqual([]);
    }
    expect([...byReason.keys()].sort()).toEqual(['cusum', 'ewma', 'robust_z', 'two_sigma']);
    for (const { id } of flagged.slice(0, SAMPLE * 5))
      for (const { document, hash } of await gateway.services.store.findings.of(id))
        expect(await recompute(document)).toEqual({ same: true, hash, differences: [] });
  });

  it.each(series)(
    'adds up to the difference of the register behind $field, to the watt-hour',
    ({ field, differenceWh, intervals }) => {
      const stored = entries.map(documentOf).flatMap((document) => document[field] ?? []);
      expect(stored).toHaveLength(intervals.length);
      expect(stored.reduce((sum, kwh) => sum + whFromKwh(kwh), 0n)).toBe(differenceWh);
      expect(differenceWh).toBeGreaterThan(100_000n);
    },
  );

  it('shows a gap as one long interval and a filled-in value as an estimate', () => {
    const stored = entries.map(documentOf);
    const intervals = series.flatMap((register) => register.intervals);
    const gaps = stored.filter(({ start, end }) => Date.parse(end) - Date.parse(start) > HOUR_MS);
    expect(gaps).toHaveLength(intervals.filter(({ missingValues }) => missingValues > 0).length);
    expect(gaps.some(({ start }) => start.startsWith('2016-04-22T14:00'))).toBe(true);
    const estimated = stored.filter(({ status }) => status === 'estimated');
    expect(estimated).toHaveLength(intervals.filter((interval) => interval.estimated).length);
    expect(estimated.length).toBeGreaterThan(100);
  });

  it('has every hour of the day on which the clocks go forward once, in UTC', () => {
    const hours = entries
      .map(documentOf)
      .filter(({ start, import_kwh }) => start.startsWith('2016-03-27') && import_kwh)
      .map(({ start }) => start)
      .sort();
    expect(hours).toEqual(
      Array.from({ length: 24 }, (_unused, hour) =>
        new Date(Date.UTC(2016, 2, 27, hour)).toISOString(),
      ),
    );
  });

  it(`proves the first, the last and ${SAMPLE} others of its intervals`, async () => {
    const random = new SeededRandom(2016);
    const drawn = Array.from({ length: SAMPLE }, () => Math.floor(random.next() * entries.length));
    const keys = [gateway.services.logKeys.checkpoint.vkey];
    for (const index of new Set([0, entries.length - 1, ...drawn])) {
      const { id } = entries[index] as StoredEntry;
      const bundle = await gateway.services.proofs.bundle(id);
      const report = await verifyProof(bundle, {
        keys,
        require: 'operator',
        verifiers: [localLedgerVerifier],
      });
      expect(report.failures).toEqual([]);
      expect(report).toMatchObject({ ok: true, selfAsserted: false });
      const proven = report.proven.map(({ code }) => code);
      expect(proven).toEqual(
        expect.arrayContaining(['device_signature', 'inclusion', 'checkpoint']),
      );
      expect(
        (JSON.parse(new TextDecoder().decode(bundle)) as { evidence: unknown[] }).evidence.length,
      ).toBeGreaterThan(0);
    }
  }, 120_000);
});

interface HouseholdDocument {
  readonly start: string;
  readonly end: string;
  readonly status?: string;
  readonly import_kwh?: string;
  readonly export_kwh?: string;
  readonly generation_kwh?: string;
}

function documentOf({ bytes }: StoredEntry): HouseholdDocument {
  return JSON.parse(new TextDecoder().decode(bytes)) as HouseholdDocument;
}
