import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

const PRESET = new URL(
  '../../../../apps/reference-gateway/presets/kwh-btc-iot.yaml',
  import.meta.url,
);
/** The example document of that system's README, as its client sends it. */
const EXAMPLE = `{"schema_version":"emlog-1.1","site_id":"PLANT-01","iot_device_id":"gw-PLANT01-003",
 "meter_id":"MTR-001","ts_start":"2025-12-01T10:10:00Z","ts_end":"2025-12-01T10:15:00Z","interval_s":300,
 "energy_kwh":12.34,"power_kw_avg":2.47,"status":"ok","tags":["peak"],"tx":{"unit":"sats","price_sats_per_kwh":100,
 "amount_sats":1234,"channel":"ln","settlement_status":"pending","ln_invoice_id":null,"bitcoin_txid":null}}`;
const EXAMPLE_HASH = 'daec26f300d05942d8826919b9a1e80742b1934f1e6d68965c7c816ad02301b1';
const NOW_MS = Date.UTC(2026, 10, 21, 12);

/** That system's rule for a proof, written again from its description alone. */
function satisfiesSeedRule(proof: {
  leaf_hash: string;
  merkle_root: string;
  proof: readonly { position: 'left' | 'right'; hash: string }[];
}): boolean {
  let node = Buffer.from(proof.leaf_hash, 'hex');
  for (const { position, hash } of proof.proof) {
    const sibling = Buffer.from(hash, 'hex');
    const pair = position === 'left' ? [sibling, node] : [node, sibling];
    node = createHash('sha256').update(Buffer.concat(pair)).digest();
  }
  return node.toString('hex') === proof.merkle_root;
}

/** The preset as it ships; only where it listens and what it keeps are the test's. */
function preset(): object {
  const {
    origin: _origin,
    http,
    accounts: _accounts,
    anchors: _anchors,
    ...rest
  } = parse(readFileSync(PRESET, 'utf8'));
  return { ...rest, http: { ...http, port: 0 } };
}

describe.each(HOSTS)('A client of kwh-btc-iot on %s', (host) => {
  it('works unchanged under its preset: no key, no signature, a document of 2025', async () => {
    const gateway = await startTestGateway({
      host,
      clock: new FakeClock(NOW_MS),
      config: preset(),
    });
    const api = `${gateway.url}/api/v1`;
    const empty = await ask(`${api}/batches/flush`, { method: 'POST' });
    expect([empty.status, empty.json.detail]).toEqual([400, 'No unbatched logs available']);

    const created = await ask(`${api}/logs`, { body: EXAMPLE });
    expect(created.status).toBe(200);
    expect(created.json).toMatchObject({
      ...JSON.parse(EXAMPLE),
      batch_id: null,
      leaf_hash: EXAMPLE_HASH,
    });
    // The literal as it was hashed, not a number written anew.
    expect(created.text).toContain('"energy_kwh":12.34');
    const again = await ask(`${api}/logs`, { body: EXAMPLE });
    expect(again.json).toMatchObject({ id: created.json.id, duplicate: true });

    const unbatched = await ask(`${api}/logs/${created.json.id}/proof`);
    expect([unbatched.status, unbatched.json.detail]).toEqual([
      400,
      'Log has not been assigned to a batch yet',
    ]);
    for (const minute of [20, 25, 30, 35]) {
      const other = EXAMPLE.replace('10:10:00', `10:${minute}:00`).replace(
        '10:15:00',
        `10:${minute + 5}:00`,
      );
      expect((await ask(`${api}/logs`, { body: other })).status).toBe(200);
    }

    const flushed = await ask(`${api}/batches/flush`, { method: 'POST' });
    expect(flushed.status).toBe(200);
    expect(flushed.json).toMatchObject({
      log_count: 5,
      anchor_status: 'pending',
      anchor_txid: null,
      anchor_block_hash: null,
      anchor_block_height: null,
      anchor_block_time: null,
    });
    expect(flushed.json.log_ids).toContain(created.json.id);

    for (const id of flushed.json.log_ids) {
      const { json: proof } = await ask(`${api}/logs/${id}/proof`);
      expect(proof).toMatchObject({
        log_id: id,
        batch_id: flushed.json.id,
        merkle_root: flushed.json.merkle_root,
        tree_size: 5,
        profile: 'kwh-btc-iot',
      });
      expect(satisfiesSeedRule(proof)).toBe(true);
      expect(satisfiesSeedRule({ ...proof, leaf_hash: '00'.repeat(32) })).toBe(false);
    }

    await gateway.settle();
    const [listed] = (await ask(`${api}/batches`)).json;
    expect(listed).toMatchObject({ id: flushed.json.id, anchor_status: 'final' });
    expect(listed.anchor_txid).toEqual(expect.any(String));
    const exported = await ask(`${api}/batches/${flushed.json.id}/export`);
    expect(exported.json.batch.id).toBe(flushed.json.id);
    expect(exported.json.logs.map(({ id }: { id: string }) => id)).toEqual(flushed.json.log_ids);
    expect(exported.json.logs[0]).toMatchObject({ batch_id: flushed.json.id });

    for (const [path, detail] of [
      ['/logs/log_unknown/proof', 'Log not found'],
      ['/batches/batch_unknown/export', 'Batch not found'],
    ] as const) {
      const missing = await ask(api + path);
      expect([missing.status, missing.json.detail]).toEqual([404, detail]);
      expect(missing.type).toContain('application/problem+json');
    }
    await gateway.stop();
  });

  it('is refused under the default configuration, where a fresh signed document is accepted', async () => {
    const gateway = await startTestGateway({ host, clock: new FakeClock(NOW_MS) });
    const refused = await ask(`${gateway.url}/api/v1/logs`, { body: EXAMPLE });
    expect([refused.status, refused.json.code]).toEqual([401, 'device_signature_required']);
    expect(refused.type).toContain('application/problem+json');

    const device = new TestDevice('MTR-001');
    await gateway.services.store.meters.register(device.stored('active'), unjournaled);
    const fresh = device.signed(device.emlog(NOW_MS), 'emlog-1.1');
    const accepted = await ask(`${gateway.url}/api/v1/readings`, { body: fresh });
    expect([accepted.status, accepted.json.verdict]).toEqual([200, 'accepted']);
    expect((await ask(`${gateway.url}/api/v1/batches/flush`, { method: 'POST' })).status).toBe(401);
    await gateway.stop();
  });
});
