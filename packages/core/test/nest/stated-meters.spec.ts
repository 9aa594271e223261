import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runVerify } from '../../src/cli/verify-command.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import type { OcmfRecordsFile } from '../../src/testing/vectors/ocmf-records.js';
import { fromBase64, utf8 } from '../../src/verify/bytes.js';
import { verifyEcdsa } from '../../src/verify/ecdsa.js';
import { decodeSpki } from '../../src/verify/spki.js';
import { TestKey } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

const FILE = new URL('../../../../vectors/ocmf-records.json', import.meta.url);
const { records } = JSON.parse(await readFile(FILE, 'utf8')) as OcmfRecordsFile;
/** Whole transactions that lasted; one of no time at all is no interval. */
const LASTING = records.filter(
  ({ verdict, reading }) => verdict === 'accepted' && reading!.start < reading!.end,
);
/** One record of every real meter. */
const GOOD = LASTING.filter(
  ({ reading }, at) =>
    LASTING.findIndex((one) => one.reading!.meter_id === reading!.meter_id) === at,
);

describe.each(HOSTS)('Meters with firmware that signs no challenge, on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    gateway = await startTestGateway({
      host,
      config: { ingestion: { time: { maxAgeMs: 'none' } } },
    });
    api = `${gateway.url}/api/v1`;
    for (const role of ['owner', 'operator', 'auditor', 'device']) {
      const body = { account_id: `the ${role}`, role };
      const { json } = await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey });
      keys[role] = json.key;
    }
  });
  afterAll(() => gateway.stop());

  const bodyOf = ({ public_key, reading }: (typeof GOOD)[number], more: object = {}) => {
    const { alg } = decodeSpki(fromBase64(public_key))!;
    return {
      meter_id: reading!.meter_id,
      account_id: 'the owner',
      public_key,
      alg,
      proof: 'operator',
      read_from: 'label',
      ...more,
    };
  };
  const state = (body: object, key = keys['operator']!) =>
    ask(`${api}/admin/meters`, { body, key });
  const send = async (record: string) =>
    (await ask(`${api}/readings`, { body: record, type: 'text/plain' })).json;
  const meterOf = async (meterId: string) =>
    (await ask(`${api}/meters/${meterId}`, { key: keys['owner']! })).json;
  const said = async (type: string, subject: string) =>
    (await ask(`${api}/logs?type=${type}&limit=1000`, { key: keys['owner']! })).json
      .map(({ document }: { document: Record<string, any> }) => document)
      .filter((one: Record<string, any>) => (one['subject'] ?? one['meter']) === subject);

  it('are registered on an operator’s word alone, which the log keeps', async () => {
    const [first] = GOOD;
    const body = bodyOf(first!);
    for (const role of ['owner', 'auditor', 'device'])
      expect((await state(body, keys[role]!)).json.code).toBe('role_insufficient');
    expect((await ask(`${api}/admin/meters`, { body })).status).toBe(401);
    const wrong: readonly (readonly [object, number, string])[] = [
      [{ proof: 'possession' }, 400, 'registration_invalid'],
      [{ proof: undefined }, 400, 'registration_invalid'],
      [{ read_from: '' }, 400, 'registration_invalid'],
      [{ proof_of_possession: { nonce: 'x', signature: '' } }, 400, 'registration_invalid'],
      [{ account_id: 'nobody' }, 422, 'account_unknown'],
      [{ public_key: 'AAAA' }, 400, 'public_key_invalid'],
      [{ alg: 'Ed25519' }, 400, 'public_key_invalid'],
      [{ key_id: '0'.repeat(16) }, 400, 'key_id_mismatch'],
    ];
    for (const [change, status, code] of wrong) {
      const answer = await state({ ...body, ...change });
      expect([change, answer.status, answer.json.code]).toEqual([change, status, code]);
    }
    expect((await send(first!.record)).code).toBe('meter_unknown');
    const made = await state(body);
    expect([made.status, made.json.state]).toEqual([201, 'pending']);
    expect(made.json.keys).toMatchObject([{ proof: 'operator', proven_at: null }]);
    const meterId = first!.reading!.meter_id;
    const [{ actor, detail }] = await said('audit', meterId);
    expect(detail).toMatchObject({ proof: 'operator', read_from: 'label', account: 'the owner' });
    expect(await said('device-key', meterId)).toMatchObject([
      { event: 'registered', actor, proof: 'operator', read_from: 'label' },
    ]);
    expect((await state(body)).json.code).toBe('meter_taken');
    const other = { ...body, meter_id: 'another', account_id: 'the operator' };
    expect((await state(other)).json.code).toBe('key_taken');
    expect((await state({ ...other, account_id: 'the owner' })).status).toBe(201);
  });

  it('are proven by their first signed reading, and not by a wrong one', async () => {
    const [first] = GOOD;
    const meterId = first!.reading!.meter_id;
    const forged = records.find(
      ({ verdict, reading }) => verdict === 'signature_invalid' && reading?.meter_id === meterId,
    );
    expect((await send(forged!.record)).code).toBe('signature_invalid');
    expect((await meterOf(meterId)).keys[0].proven_at).toBeNull();
    const held = await send(first!.record);
    expect([held.verdict, held.reason]).toEqual(['quarantined', 'meter_pending']);
    const [{ proven_at: provenAt }] = (await meterOf(meterId)).keys;
    expect(provenAt).toEqual(expect.any(String));
    await ask(`${api}/admin/meters/${meterId}/approve`, {
      method: 'POST',
      key: keys['operator']!,
    });
    expect((await send(first!.record)).verdict).toBe('accepted');
    expect(await said('device-key', meterId)).toMatchObject([
      { event: 'registered' },
      { event: 'proven', entry: held.id, at: provenAt, actor: 'gateway' },
    ]);
    const audit = await ask(`${api}/admin/meter-audit`, { key: keys['operator']! });
    expect(audit.json.differences).toEqual([]);
  });

  it('get another key by an operator’s word as long as nothing is signed with the one read wrongly', async () => {
    const meterId = 'misread';
    const [wrong, right, third] = ['wrong', 'right', 'third'].map((name) => new TestKey(name));
    const keyOf = ({ spki, alg }: TestKey) => ({ public_key: spki.toString('base64'), alg });
    const stated = { ...bodyOf(GOOD[0]!), meter_id: meterId, ...keyOf(wrong!) };
    expect((await state(stated)).status).toBe(201);
    await ask(`${api}/admin/meters/${meterId}/approve`, { body: {}, key: keys['operator']! });
    const correct = (keyId: string, more: object = {}, key = keys['operator']!) =>
      ask(`${api}/admin/meters/${meterId}/keys/${keyId}/correct`, {
        body: {
          ...keyOf(right!),
          proof: 'operator',
          read_from: 'QR code',
          reason: 'two digits were swapped',
          ...more,
        },
        key,
      });
    for (const role of ['owner', 'auditor', 'device'])
      expect((await correct(wrong!.keyId, {}, keys[role]!)).json.code).toBe('role_insufficient');
    const { public_key: foreign } = records[0]!;
    const refusals: readonly (readonly [string, object, number, string])[] = [
      [wrong!.keyId, { proof: undefined }, 400, 'key_request_invalid'],
      [wrong!.keyId, { reason: undefined }, 400, 'key_request_invalid'],
      [wrong!.keyId, { nonce: 'x' }, 400, 'key_request_invalid'],
      [wrong!.keyId, { public_key: foreign.slice(0, 8) }, 400, 'public_key_invalid'],
      [wrong!.keyId, { key_id: '0'.repeat(16) }, 400, 'key_id_mismatch'],
      [wrong!.keyId, keyOf(wrong!), 409, 'key_known'],
      ['0'.repeat(16), {}, 404, 'key_not_found'],
    ];
    for (const [keyId, more, status, code] of refusals) {
      const answer = await correct(keyId, more);
      expect([more, answer.status, answer.json.code]).toEqual([more, status, code]);
    }
    const of = { ...stated, meter_id: 'neighbour', account_id: 'the operator', ...keyOf(third!) };
    expect((await state(of)).status).toBe(201);
    expect((await correct(wrong!.keyId, keyOf(third!))).json.code).toBe('key_taken');
    const done = await correct(wrong!.keyId);
    expect([done.status, done.json.keys ?? done.json]).toMatchObject([
      200,
      [
        { key_id: wrong!.keyId, revoked_at: expect.any(String), proven_at: null },
        { key_id: right!.keyId, epoch: 1, proof: 'operator', proven_at: null, revoked_at: null },
      ],
    ]);
    expect(done.json.keys[1].valid_from).toBe(done.json.keys[0].valid_from);
    expect((await correct(wrong!.keyId, keyOf(new TestKey('x')))).json.code).toBe('key_revoked');
    const [, { actor, ...corrected }] = await said('device-key', meterId);
    expect(actor).toBe((await said('audit', meterId))[0].actor);
    expect(corrected).toMatchObject({
      event: 'corrected',
      key_id: right!.keyId,
      previous: wrong!.keyId,
      proof: 'operator',
      read_from: 'QR code',
      reason: 'two digits were swapped',
    });
    const audit = await ask(`${api}/admin/meter-audit`, { key: keys['operator']! });
    expect(audit.json.differences).toEqual([]);
    // One that signed its readings is nobody's to replace.
    const proven = await meterOf(GOOD[0]!.reading!.meter_id);
    const path = `${api}/admin/meters/${proven.meter_id}/keys/${proven.keys[0].key_id}/correct`;
    const again = { ...keyOf(new TestKey('y')), proof: 'operator', read_from: 'x', reason: 'x' };
    const { status, json } = await ask(path, { body: again, key: keys['operator']! });
    expect([status, json.code]).toEqual([409, 'key_proven']);
    const nobody = await ask(path.replace(proven.meter_id, 'nobody'), {
      body: again,
      key: keys['operator']!,
    });
    expect([nobody.status, nobody.json.code]).toEqual([404, 'meter_not_found']);
  });

  it('send records that are accepted, held when their clock was never set, and proven offline by nothing but the file', async () => {
    const ids: string[] = [];
    for (const good of GOOD) {
      const meterId = good.reading!.meter_id;
      if (good !== GOOD[0]) {
        expect((await state(bodyOf(good))).status).toBe(201);
        await ask(`${api}/admin/meters/${meterId}/approve`, {
          method: 'POST',
          key: keys['operator']!,
        });
      }
      const { id, verdict, reason } = await send(good.record);
      const isTimely = good.reading!.time_status !== 'U';
      const expected = good === GOOD[0] ? 'duplicate' : isTimely ? 'accepted' : 'clock_unknown';
      expect([good.name, reason ?? verdict]).toEqual([good.name, expected]);
      ids.push(id);
    }
    expect(ids.length).toBe(6);
    await ask(`${api}/batches/flush`, { method: 'POST', key: gateway.adminKey });
    for (const [at, id] of ids.entries()) {
      const proof = await ask(`${api}/logs/${id}/proof?format=bundle`, { key: gateway.adminKey });
      const out: string[] = [];
      const code = await runVerify(['proof.json', '--json'], {
        read: async () => utf8(proof.text),
        verifiers: async () => [],
        ecdsa: async () => verifyEcdsa,
        out: (line) => out.push(line),
        err: () => {},
      });
      const report = JSON.parse(out.join(''));
      expect([GOOD[at]!.name, code, report.failures]).toEqual([GOOD[at]!.name, 0, []]);
      expect(report.proven.map((one: { code: string }) => one.code)).toContain('device_signature');
      // The signed bytes of the record stand in the proof as they were received.
      const bytes = Buffer.from(proof.json.entry.bytes, 'base64').toString();
      expect(GOOD[at]!.record.startsWith(`OCMF|${bytes}|`)).toBe(true);
    }
  });
});
