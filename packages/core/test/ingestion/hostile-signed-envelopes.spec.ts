import fc from 'fast-check';
import { readOcmf } from '../../src/ingestion/ocmf-envelope.js';
import { Refusal } from '../../src/ingestion/refusal.js';
import { readCose, readJws } from '../../src/ingestion/wrapped-envelope.js';
import { concat, toHex } from '../../src/verify/bytes.js';
import {
  cborOfJson,
  EnvelopeError,
  envelopeMessage,
  readCbor,
  readChainProof,
  signatureOfDer,
  verifyChain,
} from '../../src/verify/envelopes/index.js';
import { FormatError } from '../../src/verify/formats/format.js';
import { parseJson } from '../../src/verify/json/parse.js';
import { readDocument } from '../../src/verify/formats/default-formats.js';
import { ChainingDevice } from './chaining-device.js';
import { openFixture } from './ingestion-fixture.js';
import { WrappingDevice } from './wrapping-device.js';

const NOW = Date.parse('2025-12-03T04:30:00Z');
const RUNS = process.env['WATTPROOF_NIGHTLY'] === '1' ? 20_000 : 100;

const ed = new WrappingDevice('M-1', 'Ed25519');
const p256 = new WrappingDevice('M-2', 'ES256');
const chained = new ChainingDevice('M-3', 'Ed25519');
const canonical = ed.canonical(ed.reading(NOW));
const text = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));

/** Sound messages of every kind, and the bytes each may leave in the log. */
const SOUND: readonly (readonly [string, Uint8Array])[] = [
  ['application/json', text({ jws: ed.jws(canonical) })],
  [
    'application/json',
    text({
      document: ed.reading(NOW),
      jws: ed.jws(canonical, ed.jwsHeader({ b64: false, crit: ['b64'] }), 'raw'),
    }),
  ],
  ['application/cose', ed.cose(canonical)],
  [
    'application/cose',
    ed.cose(canonical, {
      header: ed.coseHeader('reading/1+cbor', false),
      cbor: cborOfJson(parseJson(Buffer.from(canonical).toString(), 'literal')),
    }),
  ],
  ['text/plain', Buffer.from(p256.ocmf(p256.ocmfPayload(NOW)))],
  ['application/json', text(chained.link(0, 2, new Uint8Array(32), NOW).envelope)],
];
const SIGNED = new Set([
  toHex(canonical),
  toHex(Buffer.from(p256.ocmfPayload(NOW))),
  ...chained
    .link(0, 2, new Uint8Array(32), NOW)
    .envelope['items'].map(({ document }: { document: object }) => toHex(ed.canonical(document))),
]);

/** A change of some bytes: overwritten, taken out, doubled, or cut off. */
const change = fc.record({
  kind: fc.constantFrom('set', 'drop', 'double', 'cut', 'insert'),
  at: fc.nat(5000),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.integer({ min: 0, max: 255 }),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(bytes: Uint8Array, { kind, at, length, byte }: Change): Uint8Array {
  const place = at % bytes.length;
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case 'set':
      return concat(before, Uint8Array.of(byte), after.subarray(1));
    case 'drop':
      return concat(before, after.subarray(length));
    case 'double':
      return concat(before, after.subarray(0, length), after);
    case 'insert':
      return concat(before, new Uint8Array(length).fill(byte), after);
    default:
      return before;
  }
}

/** Runs what may only refuse in its own words. */
function refusesInItsWords(read: () => unknown): void {
  try {
    const answer = read();
    if (answer instanceof Refusal) expect(answer.detail.length).toBeLessThan(400);
  } catch (error) {
    const isTyped = error instanceof EnvelopeError || error instanceof FormatError;
    if (!isTyped) throw error;
    expect(error.message.length).toBeLessThan(400);
  }
}

describe('A changed message of a device', () => {
  it('is answered in one of our codes, and puts nothing into the log that was not signed', async () => {
    const fixture = await openFixture({
      nowMs: NOW,
      meters: [ed.stored(), p256.stored(), chained.stored()],
    });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(SOUND.length - 1),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        async (which, changes) => {
          const [contentType, sound] = SOUND[which]!;
          const bytes = changes.reduce(
            (all, one) => (all.length === 0 ? all : changed(all, one)),
            sound,
          );
          const answer = await fixture.send(bytes, { contentType: contentType as 'text/plain' });
          expect(['items', 'refused']).toContain(answer.kind);
        },
      ),
      { numRuns: RUNS },
    );
    const { items } = await fixture.store.entries.list({ limit: 1000 });
    for (const { bytes } of items) expect(SIGNED).toContain(toHex(bytes));
  });
});

describe('Every parser of an envelope', () => {
  it('refuses whatever bytes it is given in its own words', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(SOUND.length - 1), change)
        .map(([which, one]) => changed(SOUND[which]![1], one)),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        const latin = Buffer.from(bytes).toString('latin1');
        refusesInItsWords(() => readCose(bytes));
        refusesInItsWords(() => readCbor(bytes));
        refusesInItsWords(() => readJws(latin));
        refusesInItsWords(() => readOcmf(`OCMF|${latin}`));
        for (const format of ['ocmf', 'gridtokenx-meter/1'])
          refusesInItsWords(() => readDocument(format, latin));
        refusesInItsWords(() =>
          readDocument('gridtokenx-meter/1', `GRIDTOKENX_METER_READING\n${latin}`),
        );
        for (const type of ['jws', 'cose', 'chain', latin])
          refusesInItsWords(() =>
            envelopeMessage(
              { type, header: bytes },
              { alg: 'ES256', keyId: '0'.repeat(16) },
              { format: 'reading/1', bytes },
            ),
          );
        expect(signatureOfDer('ES256', bytes)?.length ?? 64).toBe(64);
      }),
      { numRuns: RUNS },
    );
  });

  it('is done with the largest message of its kind within a fraction of a second', () => {
    const size = 65_536;
    const nested = new Uint8Array(size).fill(0x81);
    const many = concat(Uint8Array.of(0x99, 0xff, 0xf0), new Uint8Array(size));
    const claims = Uint8Array.of(0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff);
    const began = process.cpuUsage();
    for (const bytes of [nested, many, claims]) refusesInItsWords(() => readCose(bytes));
    for (const body of ['.'.repeat(size), 'A'.repeat(size), `${'e'.repeat(size)}..`])
      refusesInItsWords(() => readJws(body));
    for (const body of ['{'.repeat(size), '{"a":"'.padEnd(size, '|'), '{}|'.repeat(size / 3)])
      refusesInItsWords(() => readOcmf(`OCMF|${body}`));
    const digits = '9'.repeat(size);
    refusesInItsWords(() =>
      readDocument(
        'gridtokenx-meter/1',
        `{"meter_serial":"m","timestamp":"t","kwh_amount":${digits},"wallet":"w"}`,
      ),
    );
    // Of this process, whatever else the machine does.
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(2000);
  });

  it('says of a changed chain what is wrong with it', () => {
    const { link, hash } = chained.link(0, 2, new Uint8Array(32), NOW);
    const next = chained.link(2, 1, hash, NOW).link;
    const { alg, spki: publicKey } = chained;
    const batches = [link, next];
    fc.assert(
      fc.property(
        fc.nat(1),
        fc.constantFrom('root', 'previous', 'signature'),
        change,
        (which, member, one) => {
          const before = batches[which]![member as 'root'];
          const after = changed(before, { ...one, kind: 'set' });
          fc.pre(toHex(before) !== toHex(after));
          const other = batches.map((batch, i) =>
            i === which ? { ...batch, [member]: after } : batch,
          );
          expect(verifyChain({ alg, publicKey, batches: other }).ok).toBe(false);
        },
      ),
      { numRuns: 12 },
    );
    for (const broken of ['', '{}', '[]', 'null', '{"v":"wattproof.chain/1"}'])
      expect(() => readChainProof(broken)).toThrow();
  });
});
