import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runVerify } from '../../src/cli/verify-command.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { utf8 } from '../../src/verify/bytes.js';
import { verifyEcdsa } from '../../src/verify/ecdsa.js';
import { chainOfBundles, readChainProof, verifyChain } from '../../src/verify/envelopes/index.js';
import { ChainingDevice } from '../ingestion/chaining-device.js';
import { WrappingDevice } from '../ingestion/wrapping-device.js';
import { type Answer, ask, HOSTS } from './hosts.js';

/** `wattproof verify` of a proof: its exit code and what it printed. */
async function verify(proof: string): Promise<{ code: number; report: any }> {
  const out: string[] = [];
  const code = await runVerify(['proof.json', '--json'], {
    read: async () => utf8(proof),
    verifiers: async () => [],
    ecdsa: async () => verifyEcdsa,
    out: (line) => out.push(line),
    err: () => {},
  });
  return { code, report: JSON.parse(out.join('')) };
}

describe.each(HOSTS)('Readings in the envelopes of others on %s', (host) => {
  let gateway: TestGateway;
  let api: string;
  let endsMs: number;
  const ed = new WrappingDevice('M-ed', 'Ed25519');
  const p256 = new WrappingDevice('M-p256', 'ES256');
  const k256 = new WrappingDevice('M-k256', 'ES256K');
  const chained = new ChainingDevice('M-chain', 'Ed25519');
  const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
  const send = (body: string | Uint8Array | object, type?: string): Promise<Answer> =>
    ask(`${api}/readings`, type === undefined ? { body } : { body, type });
  const get = (path: string): Promise<Answer> => ask(`${api}${path}`, { key: gateway.adminKey });

  beforeAll(async () => {
    gateway = await startTestGateway({ host });
    api = `${gateway.url}/api/v1`;
    endsMs = gateway.clock.nowMs();
    for (const device of [ed, p256, k256, chained])
      await gateway.services.store.meters.register(device.stored(), unjournaled);
  });
  afterAll(() => gateway.stop());

  it('are accepted, and their proofs verify offline with nothing but the file', async () => {
    const time = new Date(endsMs).toISOString();
    const message = `GRIDTOKENX_METER_READING\nmeter_serial: M-ed\ntimestamp: ${time}\nkwh_amount: 5.100000\nwallet: W1`;
    const answers = [
      await send({ jws: ed.jws(ed.canonical(ed.reading(endsMs - 900_000))) }),
      await send(p256.cose(p256.canonical(p256.reading(endsMs))), 'application/cose'),
      await send(k256.ocmf(k256.ocmfPayload(endsMs)), 'text/plain'),
      await send({ format: 'ocmf', bytes: base64(p256.ocmf(p256.ocmfPayload(endsMs - 900_000))) }),
      await send({
        format: 'gridtokenx-meter/1',
        document: { meter_serial: 'M-ed', timestamp: time, kwh_amount: 5.1, wallet: 'W1' },
        signature: { alg: 'Ed25519', key_id: ed.keyId, value: base64(ed.sign(utf8(message))) },
      }),
    ];
    for (const { status, json } of answers)
      expect([status, json.verdict]).toEqual([200, 'accepted']);
    await ask(`${api}/batches/flush`, { method: 'POST', key: gateway.adminKey });
    for (const { json } of answers) {
      const entry = await get(`/logs/${json.id}`);
      expect(entry.json.assurance).toBe('device-signature');
      const bundle = await get(`/logs/${json.id}/proof?format=bundle`);
      const { code, report } = await verify(bundle.text);
      expect(report.failures).toEqual([]);
      expect(code).toBe(0);
      const proven = report.proven.map((one: { code: string }) => one.code);
      expect(proven).toContain('device_signature');
      // Another letter in what was signed besides, and the proof is none.
      const { signature } = bundle.json;
      if (signature.envelope === undefined) continue;
      const other = signature.envelope.header.replace(/^./, (c: string) => (c === 'e' ? 'f' : 'e'));
      const changed = bundle.text.replace(signature.envelope.header, other);
      expect((await verify(changed)).code).toBe(1);
    }
  });

  it.each<[string, () => [string | Uint8Array | object, string?], number, string]>([
    [
      'a JWS without an algorithm',
      () => [{ jws: ed.jws(ed.canonical(ed.reading(endsMs)), ed.jwsHeader({ alg: 'none' })) }],
      401,
      'alg_not_allowed',
    ],
    ['a JWS of two parts', () => [{ jws: 'a.b' }], 400, 'jws_invalid'],
    [
      'a JWS that demands the unknown',
      () => [
        { jws: ed.jws(ed.canonical(ed.reading(endsMs)), ed.jwsHeader({ crit: ['x'], x: 1 })) },
      ],
      400,
      'jws_crit_unknown',
    ],
    [
      'a JWS of another key',
      () => [{ jws: p256.jws(ed.canonical(ed.reading(endsMs)), p256.jwsHeader()) }],
      403,
      'meter_mismatch',
    ],
    [
      'a detached JWS of another document',
      () => [
        {
          document: ed.reading(endsMs),
          jws: ed.jws(ed.canonical(ed.reading(endsMs, { seq: 9 })), undefined, 'base64'),
        },
      ],
      401,
      'signature_invalid',
    ],
    [
      'bytes that are no CBOR',
      () => [Uint8Array.of(0xff), 'application/cose'],
      400,
      'cbor_invalid',
    ],
    [
      'CBOR that is no COSE_Sign1',
      () => [Uint8Array.of(0x80), 'application/cose'],
      400,
      'cose_invalid',
    ],
    [
      'a COSE_Sign1 cut short',
      () => [p256.cose(p256.canonical(p256.reading(endsMs))).subarray(0, 50), 'application/cose'],
      400,
      'cbor_invalid',
    ],
    ['a body without bytes', () => ['', 'application/cose'], 400, 'message_empty'],
    ['text that is no record', () => ['hello', 'text/plain'], 415, 'content_type_unknown'],
    ['a record without a signature', () => ['OCMF|{"a":1}', 'text/plain'], 400, 'ocmf_invalid'],
    [
      'a record with a space more',
      () => [k256.ocmf(k256.ocmfPayload(endsMs)).replace('|{', '| {'), 'text/plain'],
      401,
      'signature_invalid',
    ],
    [
      'a record on a weak curve',
      () => [k256.ocmf(k256.ocmfPayload(endsMs), { SA: 'ECDSA-secp192r1-SHA256' }), 'text/plain'],
      401,
      'alg_not_allowed',
    ],
    [
      'a record of a meter nobody knows',
      () => [k256.ocmf(k256.ocmfPayload(endsMs, { MS: 'nobody' })), 'text/plain'],
      401,
      'meter_unknown',
    ],
    [
      'too many digits of an amount',
      () => [
        {
          format: 'gridtokenx-meter/1',
          document: {
            meter_serial: 'M-ed',
            timestamp: new Date(endsMs).toISOString(),
            kwh_amount: 1.1234567,
            wallet: 'W',
          },
        },
      ],
      400,
      'amount_precision',
    ],
    [
      'a chained batch without its numbers',
      () => [{ ...chained.link(0, 2, new Uint8Array(32), endsMs).envelope, first: undefined }],
      400,
      'batch_chain_invalid',
    ],
    [
      'a record too large',
      () => [`OCMF|{"a":"${'x'.repeat(70_000)}"}|{}`, 'text/plain'],
      413,
      'item_too_large',
    ],
    ['a type nobody knows', () => ['x', 'application/octet-stream'], 415, 'content_type_unknown'],
  ])('tell what is wrong with %s', async (_, message, status, code) => {
    const answer = await send(...message());
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.type).toContain('application/problem+json');
  });

  it('prove by their chain that none is missing', async () => {
    const first = chained.link(0, 3, new Uint8Array(32), endsMs);
    const second = chained.link(3, 2, first.hash, endsMs);
    const early = await send(second.envelope);
    expect([early.status, early.json[0].reason]).toEqual([200, 'chain_gap']);
    const answers = [await send(first.envelope), await send(second.envelope)];
    const ids = answers.flatMap(({ json }) => json.map(({ id }: { id: string }) => id));
    expect(ids).toHaveLength(5);
    const chain = await get(`/meters/M-chain/keys/${chained.keyId}/chain`);
    const report = verifyChain(readChainProof(chain.text), { publicKey: chained.spki });
    expect(report).toMatchObject({ ok: true, first: 0n, last: 4n });
    const part = await get(`/meters/M-chain/keys/${chained.keyId}/chain?from=3&to=9`);
    expect(part.json.batches).toHaveLength(1);
    for (const [path, code] of [
      ['/meters/nobody/keys/0/chain', 'meter_not_found'],
      ['/meters/M-chain/keys/0/chain', 'key_not_found'],
      [`/meters/M-chain/keys/${chained.keyId}/chain?from=99`, 'chain_not_found'],
      [`/meters/M-chain/keys/${chained.keyId}/chain?from=x`, 'query_invalid'],
    ])
      expect((await get(path!)).json.code).toBe(code);
    await ask(`${api}/batches/flush`, { method: 'POST', key: gateway.adminKey });
    const bundles = await Promise.all(
      ids.map(async (id) => (await get(`/logs/${id}/proof?format=bundle`)).text),
    );
    for (const bundle of bundles) expect((await verify(bundle)).code).toBe(0);
    const shown = chainOfBundles(bundles);
    expect(shown).toEqual(readChainProof(chain.text));
    const missing = verifyChain(chainOfBundles([bundles[0]!, bundles[1]!]), {});
    expect(missing).toMatchObject({ ok: true, first: 0n, last: 2n });
  });
});
