import { verifyEcdsa } from '../../src/verify/ecdsa.js';
import { verifyEntrySignature } from '../../src/verify/entry-signature.js';
import { cborOfJson, envelopeMessage } from '../../src/verify/envelopes/index.js';
import { parseJson } from '../../src/verify/json/parse.js';
import { ReportDraft } from '../../src/verify/proof-report.js';
import { openFixture, type Fixture } from './ingestion-fixture.js';
import { WrappingDevice } from './wrapping-device.js';

const NOW = Date.parse('2025-12-03T04:30:00Z');
const ALGORITHMS = ['Ed25519', 'ES256', 'ES256K'] as const;

async function open(...devices: readonly WrappingDevice[]): Promise<Fixture> {
  return openFixture({
    nowMs: NOW,
    meters: devices.map((device) => device.stored()),
    devices: { algorithms: [...ALGORITHMS] },
  });
}

/** What one document was answered, `accepted` or a code. */
async function answerOf(
  fixture: Fixture,
  body: string | object | Uint8Array,
  more: object = {},
): Promise<string> {
  const answer = await fixture.send(body, more);
  if (answer.kind !== 'items') return answer.kind === 'refused' ? answer.code : answer.kind;
  const [item] = answer.items;
  return item!.reason ?? item!.verdict;
}

/** Statements of the offline check of the only entry's signature. */
async function offline(fixture: Fixture, withEnvelopes = true): Promise<readonly string[]> {
  const { items } = await fixture.store.entries.list({ limit: 10 });
  expect(items).toHaveLength(1);
  const entry = await fixture.store.entries.get(items[0]!.id);
  const { signature, format, bytes, logHash, assurance } = entry!;
  expect(assurance).toBe('device-signature');
  const report = new ReportDraft();
  const options = withEnvelopes ? { envelopes: envelopeMessage } : {};
  verifyEntrySignature(signature!, { format, bytes, logHash }, report, {
    ecdsa: verifyEcdsa,
    ...options,
  });
  const { proven, notChecked, failures } = report.finish('operator');
  return [...proven, ...notChecked, ...failures]
    .map(({ code }) => code)
    .filter((code) => code !== 'level_not_reached');
}

describe.each(ALGORITHMS)('An envelope of a device that signs with %s', (alg) => {
  const device = new WrappingDevice('M-1', alg);
  const document = device.reading(NOW);
  const canonical = device.canonical(document);
  const cbor = cborOfJson(parseJson(JSON.stringify(document), 'literal'));
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const crit = device.jwsHeader({ b64: false, crit: ['b64'] });

  it.each<[string, object]>([
    ['a compact JWS', { jws: device.jws(canonical) }],
    [
      'a detached JWS beside the document',
      { format: 'reading/1', document, jws: device.jws(canonical, undefined, 'base64') },
    ],
    [
      'a detached JWS over the bytes as they are',
      { bytes: base64(canonical), jws: device.jws(canonical, crit, 'raw') },
    ],
    ['a COSE_Sign1 of canonical bytes', { cose: base64(device.cose(canonical)) }],
    [
      'a COSE_Sign1 of CBOR',
      {
        cose: base64(device.cose(canonical, { header: device.coseHeader('reading/1+cbor'), cbor })),
      },
    ],
    [
      'a detached COSE_Sign1 without a key id',
      {
        document,
        cose: base64(
          device.cose(canonical, { header: device.coseHeader(undefined, false), detached: true }),
        ),
      },
    ],
  ])('as %s is accepted, and its signature holds offline', async (_, envelope) => {
    const fixture = await open(device);
    expect(await answerOf(fixture, envelope)).toBe('accepted');
    expect(await answerOf(fixture, envelope)).toBe('duplicate');
    expect(await offline(fixture)).toEqual(['device_signature']);
    expect(await offline(fixture, false)).toEqual(['device_signature_not_checked']);
  });

  it('comes as a message of its own in application/cose', async () => {
    const fixture = await open(device);
    const more = { contentType: 'application/cose' };
    expect(await answerOf(fixture, device.cose(canonical), more)).toBe('accepted');
    expect(await offline(fixture)).toEqual(['device_signature']);
  });
});

describe.each(['ES256', 'ES256K'] as const)('An OCMF record signed with %s', (alg) => {
  const device = new WrappingDevice('1ABC0012345678', alg);
  const payload = device.ocmfPayload(NOW);
  const record = device.ocmf(payload);

  it.each([
    ['as text', record, { contentType: 'text/plain' }],
    ['as text with a line feed behind it', `${record}\n`, { contentType: 'text/plain' }],
    ['as bytes', { format: 'ocmf', bytes: Buffer.from(record).toString('base64') }, {}],
    [
      'with its signature in base64',
      device.ocmf(payload, {
        SE: 'base64',
        SD: Buffer.from(device.sign(Buffer.from(payload), 'der')).toString('base64'),
      }),
      { contentType: 'text/plain' },
    ],
  ])('is accepted %s, and its signature holds offline', async (_, body, more) => {
    const fixture = await open(device);
    expect(await answerOf(fixture, body, more)).toBe('accepted');
    expect(await offline(fixture)).toEqual(['device_signature']);
    const { items } = await fixture.store.entries.list({ limit: 1 });
    expect(Buffer.from(items[0]!.bytes).toString()).toBe(payload);
  });

  it('does not stand when a space was put into it', async () => {
    const fixture = await open(device);
    const changed = record.replace('{"FV":', '{"FV": ');
    expect(await answerOf(fixture, changed, { contentType: 'text/plain' })).toBe(
      'signature_invalid',
    );
  });
});

it('A GridTokenX document is signed as the message it is rebuilt into', async () => {
  const device = new WrappingDevice('METER-123', 'Ed25519');
  const fixture = await open(device);
  const message =
    'GRIDTOKENX_METER_READING\nmeter_serial: METER-123\ntimestamp: 2025-12-03T04:00:00+00:00\nkwh_amount: 5.100000\nwallet: W1';
  const envelope = {
    format: 'gridtokenx-meter/1',
    document: {
      meter_serial: 'METER-123',
      timestamp: '2025-12-03T04:00:00+00:00',
      kwh_amount: 5.1,
      wallet: 'W1',
    },
    signature: {
      alg: 'Ed25519',
      key_id: device.keyId,
      value: Buffer.from(device.sign(Buffer.from(message))).toString('base64'),
    },
  };
  expect(await answerOf(fixture, envelope)).toBe('accepted');
  expect(await offline(fixture, false)).toEqual(['device_signature']);
});

it.each(['U', 'I', 'R', 'S'])(
  'of a device whose clock is marked %s is held only when it was never set',
  async (state) => {
    const meter = new WrappingDevice('M-clock', 'ES256');
    const fixture = await openFixture({ nowMs: NOW, meters: [meter.stored()] });
    const payload = meter.ocmfPayload(NOW).replaceAll('+0000 S', `+0000 ${state}`);
    const answer = await fixture.send(meter.ocmf(payload), { contentType: 'text/plain' });
    const [item] = answer.kind === 'items' ? answer.items : [];
    expect(item?.reason ?? item?.verdict).toBe(state === 'U' ? 'clock_unknown' : 'accepted');
  },
);
