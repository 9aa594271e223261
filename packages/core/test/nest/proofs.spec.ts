import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { localLedgerVerifier } from '../../src/anchoring/local-ledger/index.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { fromHex, verifyConsistency, verifyProof } from '../../src/verify/index.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

describe.each(HOSTS)('Proofs over HTTP on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  let key: string;
  const device = new TestDevice('meter-1');

  const get = (path: string, as = key) => ask(`${api}${path}`, { key: as });

  async function submit(quarter: number): Promise<string> {
    const endsMs = gateway.clock.nowMs() - quarter * 900_000;
    const { json } = await ask(`${api}/readings`, { body: device.signed(device.reading(endsMs)) });
    expect(json.verdict).toBe('accepted');
    return json.id;
  }

  async function flush() {
    return (await ask(`${api}/batches/flush`, { method: 'POST', key })).json;
  }

  const ids: string[] = [];
  const batches: { id: string; merkle_root: string; log_ids: string[] }[] = [];

  beforeAll(async () => {
    gateway = await startTestGateway({ host });
    api = `${gateway.url}/api/v1`;
    key = gateway.adminKey;
    await gateway.services.store.meters.register(
      device.stored('active', { accountId: 'alice' }),
      unjournaled,
    );
    for (let batch = 0; batch < 3; batch += 1) {
      for (let entry = 0; entry < 3; entry += 1) ids.push(await submit(batch * 3 + entry));
      batches.push(await flush());
    }
    await gateway.settle();
  });
  afterAll(() => gateway.stop());

  it('a bundle verifies with nothing but its bytes, and not after a change', async () => {
    const answer = await get(`/logs/${ids[4]}/proof?format=bundle`);
    expect(answer.status).toBe(200);
    expect(answer.type).toContain('application/vnd.wattproof.proof+json');
    const options = { verifiers: [localLedgerVerifier] };
    const report = await verifyProof(new TextEncoder().encode(answer.text), options);
    expect(report).toMatchObject({ ok: true, notChecked: [] });
    const changed = answer.text.replace(
      /"root":"(..)/,
      (_all, byte: string) => `"root":"${byte === '00' ? '01' : '00'}`,
    );
    expect(changed).not.toBe(answer.text);
    const other = await verifyProof(new TextEncoder().encode(changed), options);
    expect(other).toMatchObject({ ok: false });
  });

  it('the preimage hashes to leaf_hash', async () => {
    const { json } = await get(`/logs/${ids[0]}`);
    const response = await fetch(`${api}/logs/${ids[0]}/preimage`, {
      headers: { 'x-api-key': key },
    });
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.subarray(0, 5).toString()).toBe('LOG::');
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(json.leaf_hash);
  });

  it('a form that an anchor cannot write is refused by name, and one nobody knows as a query', async () => {
    for (const [query, status, code] of [
      ['format=ots&anchor=local', 409, 'not_exportable'],
      ['format=beef&anchor=local', 409, 'not_exportable'],
      ['format=ots&anchor=nobody', 404, 'unknown_anchor'],
      ['format=ots', 400, 'query_invalid'],
      ['format=pdf&anchor=local', 400, 'query_invalid'],
    ] as const)
      expect(await get(`/logs/${ids[0]}/proof?${query}`)).toMatchObject({ status, json: { code } });
  });

  it('checkpoints are public, and every size extends the ones before', async () => {
    const latest = await ask(`${api}/checkpoints/latest`);
    expect(latest.type).toContain('text/plain');
    expect(latest.text.split('\n').slice(0, 2)).toEqual([gateway.services.origin, '3']);
    expect((await ask(`${api}/checkpoints/3`)).text).toBe(latest.text);
    const { json } = await ask(`${api}/checkpoints/consistency?from=1&to=3`);
    const root = async (size: number) => {
      const { text } = await ask(`${api}/checkpoints/${size}`);
      return Uint8Array.from(Buffer.from(text.split('\n')[2] ?? '', 'base64'));
    };
    const [fromRoot, toRoot] = [await root(1), await root(3)];
    const path = json.hashes.map((hash: string) => fromHex(hash));
    expect(verifyConsistency({ from: 1, to: 3, fromRoot, toRoot, path })).toBe(true);
    expect(verifyConsistency({ from: 1, to: 3, fromRoot: toRoot, toRoot, path })).toBe(false);
    expect((await ask(`${api}/checkpoints/4`)).json.code).toBe('checkpoint_not_found');
    expect((await ask(`${api}/checkpoints/nonsense`)).json.code).toBe('query_invalid');
    expect((await ask(`${api}/checkpoints/consistency?from=3&to=2`)).status).toBe(400);
  });

  it('the steps from a batch to what the ledger saw recompute', async () => {
    const { json } = await get(`/batches/${batches[1]?.id}/anchors`);
    const { commitment, anchors } = json;
    const sha256 = (...parts: (string | Uint8Array)[]) => {
      const hash = createHash('sha256');
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const leaf = sha256(
      Buffer.of(0),
      sha256(commitment.metadata),
      Buffer.from(commitment.merkle_root, 'hex'),
    );
    expect(leaf.toString('hex')).toBe(commitment.log_leaf);
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(commitment.log_size));
    const digest = sha256(
      'wattproof/checkpoint/v1',
      sha256(commitment.origin),
      size,
      Buffer.from(commitment.log_root, 'hex'),
    );
    expect(digest.toString('hex')).toBe(commitment.digest);
    expect(anchors).toEqual([
      expect.objectContaining({ anchor: 'local', state: 'final', trust: 'operator' }),
    ]);
  });

  it('an owner sees their own entries, meters and proofs, and of others not even that they exist', async () => {
    const keyOf = async (account: string) =>
      (
        await ask(`${api}/admin/api-keys`, {
          body: { account_id: account, role: 'owner' },
          key,
        })
      ).json.key as string;
    const [alice, bob] = [await keyOf('alice'), await keyOf('bob')];
    for (const path of ['', '/proof', '/proof?format=bundle', '/preimage']) {
      expect((await get(`/logs/${ids[0]}${path}`, alice)).status).toBe(200);
      const hidden = await get(`/logs/${ids[0]}${path}`, bob);
      const unknown = await get(`/logs/log_unknown${path}`, bob);
      expect([hidden.status, hidden.text]).toEqual([404, unknown.text]);
    }
    expect((await get('/logs?source=external', alice)).json).toHaveLength(9);
    expect((await get('/logs?source=external', bob)).json).toEqual([]);
    expect((await get('/meters', alice)).json).toHaveLength(1);
    expect((await get('/meters', bob)).json).toEqual([]);
    expect((await get('/meters/meter-1', bob)).status).toBe(404);
    const [batch] = batches;
    expect((await get(`/batches/${batch?.id}`, alice)).json.log_ids).toEqual(batch?.log_ids);
    expect((await get(`/batches/${batch?.id}`, bob)).json.log_ids).toEqual([]);
    expect((await get(`/batches/${batch?.id}/export`, bob)).json.logs).toEqual([]);
  });

  it('lists page by limit and cursor, and the pages together are the whole', async () => {
    for (const [path, total] of [
      ['/logs?source=external&', 9],
      ['/batches?', 3],
    ] as const) {
      const seen: string[] = [];
      let next: string | undefined = `${path}limit=2`;
      while (next !== undefined) {
        const page = await get(next);
        expect(page.json.length).toBeLessThanOrEqual(2);
        seen.push(...page.json.map(({ id }: { id: string }) => id));
        next = /^<\/api\/v1([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      expect(new Set(seen).size).toBe(total);
      expect(seen).toHaveLength(total);
    }
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=nonsense', 'from=yesterday']) {
      const answer = await get(`/logs?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
  });

  it('entries are found by meter, time, type and origin', async () => {
    const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
    const now = gateway.clock.nowMs();
    const count = async (query: string) => (await get(`/logs?${query}`)).json.length;
    expect(await count('meter_id=meter-1')).toBe(9);
    expect(await count('meter_id=meter-2')).toBe(0);
    expect(await count(`from=${at(now - 900_000)}`)).toBe(1);
    expect(await count(`to=${at(now - 900_000)}`)).toBe(8);
    expect(await count('type=reading&source=external')).toBe(9);
    expect(await count('source=system')).toBe(2);
  });

  it('the log keys are public and name the origin', async () => {
    const { json } = await ask(`${api}/log/keys`);
    expect(json.origin).toBe(gateway.services.origin);
    expect(json.checkpoint).toContain(`${gateway.services.origin}+`);
  });
});
