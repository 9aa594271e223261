import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Verifier } from '@road-labs/ocmf';
import type { CryptoAdapter, Curve, EcPublicKey } from '@road-labs/ocmf-crypto';
import fc from 'fast-check';
import { readOcmf } from '../../../src/ingestion/ocmf-envelope.js';
import { Refusal } from '../../../src/ingestion/refusal.js';
import {
  judgeRecord,
  run,
  type OcmfRecordsFile,
} from '../../../src/testing/vectors/ocmf-records.js';
import { fromUtf8, utf8 } from '../../../src/verify/bytes.js';
import { verifyEcdsa } from '../../../src/verify/ecdsa.js';
import { decodeSpki } from '../../../src/verify/spki.js';
import { readDocument } from '../../../src/verify/formats/default-formats.js';

const file = new URL('../../../../../vectors/ocmf-records.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as OcmfRecordsFile;

const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: 'secp256r1',
  secp256k1: 'secp256k1',
  secp384r1: 'secp384r1',
  brainpoolP256r1: 'brainpool256r1',
  brainpoolP384r1: 'brainpool384r1',
  prime192v1: 'secp192r1',
};

/** What the other implementation asks of a library of curves: OpenSSL's answers. */
const openssl = {
  decodeEcPublicKey(value: Uint8Array): EcPublicKey {
    const key = createPublicKey({ key: Buffer.from(value), format: 'der', type: 'spki' });
    const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
    return { getCurve: () => curve!, encode: () => value };
  },
  verify(signature: Uint8Array, data: Uint8Array, key: EcPublicKey): boolean {
    const spki = Buffer.from(key.encode('spki-der') as Uint8Array);
    const opened = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return verify('sha256', data, opened, signature);
  },
} as unknown as CryptoAdapter;

describe('ocmf', () => {
  it('gives the records of real meters their verdicts and readings', () => {
    const results = [...run(vectors)];
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(40);
  });

  it.each(vectors.records.map((one) => [one.name, one] as const))(
    'agrees with another implementation about the signature: %s',
    async (name, { record, public_key: publicKey, signature_valid: expected }) => {
      // It reads signatures in hex alone and knows brainpool by another name: those records are for OpenSSL.
      const isItsOwn = !record.includes('"base64"') && !record.includes('brainpoolP');
      if (isItsOwn && !record.includes('secp192') && !name.includes('without DER')) {
        const key = openssl.decodeEcPublicKey(Buffer.from(publicKey, 'base64'), 'spki-der');
        const isVerified = await new Verifier(openssl)
          .parseAndVerify(record, await key)
          .then(({ verified }) => verified)
          .catch(() => false);
        expect(isVerified).toBe(expected);
      }
      const envelope = readOcmf(record);
      const key = decodeSpki(Buffer.from(publicKey, 'base64'));
      if (!(envelope instanceof Refusal) && key !== undefined && key.alg !== 'Ed25519') {
        const { content, signature } = envelope as {
          content: { text: string };
          signature: { value: Uint8Array };
        };
        const isValid = verifyEcdsa(key.alg, signature.value, utf8(content.text), key.key);
        expect(isValid).toBe(expected);
      }
      const { verdict } = judgeRecord(record, publicKey);
      expect(expected || verdict !== 'accepted').toBe(true);
    },
  );

  it('never takes a record of which one letter was changed', () => {
    const sound = vectors.records.filter(({ verdict }) => verdict === 'accepted');
    const change = fc.record({
      which: fc.nat(sound.length - 1),
      at: fc.nat(2000),
      to: fc.integer({ min: 0x20, max: 0x7e }),
    });
    fc.assert(
      fc.property(change, ({ which, at, to }) => {
        const { record, public_key: publicKey } = sound[which]!;
        const bar = record.indexOf('|{"S', 5);
        const place = 5 + (at % (bar - 5));
        const letter = String.fromCharCode(to);
        fc.pre(record[place] !== letter);
        const changed = record.slice(0, place) + letter + record.slice(place + 1);
        expect(judgeRecord(changed, publicKey).verdict).not.toBe('accepted');
      }),
      { numRuns: process.env['WATTPROOF_NIGHTLY'] === '1' ? 2000 : 60 },
    );
  });

  const RD = [
    { TM: '2025-01-01T10:00:00,000+0100 S', TX: 'B', RV: 1.5, RI: '1-0:1.8.0', RU: 'kWh', ST: 'G' },
    { TM: '2025-01-01T10:15:00,000+0100 R', TX: 'E', RV: 2.75, ST: 'G' },
  ];
  const payload = (change: object = {}, readings: unknown = RD): string =>
    JSON.stringify({ FV: '1.0', PG: 'T7', MS: 'M1', RD: readings, ...change });
  const read = (text: string) => readDocument('ocmf', text);
  const code = (text: string): string => {
    try {
      read(text);
      return 'none';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it('is the bytes that were received, white space and all', () => {
    const text = payload().replace('"PG":', '"PG" :\n ').replace('"MS":', '\t"MS" : ');
    expect(fromUtf8(read(text).bytes)).toBe(text);
    expect(fromUtf8(read(` ${payload()} `).bytes)).toBe(` ${payload()} `);
  });

  it('carries the worse of its time states, the counter of transactions and energy to the µWh', () => {
    expect(read(payload()).reading).toMatchObject({
      meterId: 'M1',
      timeStatus: 'R',
      sequence: 7n,
      energies: [{ register: 'import', energyUWh: 1_250_000_000n }],
    });
    const fine = RD.map((one, i) => ({ ...one, RV: i === 0 ? '0.1234567891' : ' 0.12345679 ' }));
    // 0.9 µWh: rounded down once, not each end for itself.
    expect(read(payload({}, fine)).reading?.energies[0]?.energyUWh).toBe(0n);
    expect(read(payload({ PG: 'F7' })).reading?.sequence).toBeUndefined();
    const exported = RD.map((one) => ({ ...one, RI: '01-00:C2.08.00*FF' }));
    expect(read(payload({}, exported)).reading?.energies[0]?.register).toBe('export');
  });

  it.each<[string, object, unknown, string]>([
    ['no meter', { MS: '', GS: '' }, RD, 'missing'],
    ['a counter of no kind', { PG: 'X7' }, RD, 'member_invalid'],
    ['a counter with a leading zero', { PG: 'T07' }, RD, 'member_invalid'],
    ['no readings', {}, [], 'member_invalid'],
    ['readings that are no list', {}, {}, 'member_invalid'],
    ['a reading that is no object', {}, [1], 'model_type'],
    ['a begin alone', {}, [RD[0]], 'transaction_begin_alone'],
    ['an end alone', {}, [RD[1]], 'transaction_end_alone'],
    ['a state in between alone', {}, [{ ...RD[0], TX: 'C' }], 'energy_missing'],
    ['a register that fell', {}, [RD[0], { ...RD[1], RV: 1 }], 'register_reversed'],
    [
      'an end before the begin',
      {},
      [
        { ...RD[1], TX: 'B', RI: '1-0:1.8.0', RU: 'kWh', RV: 1 },
        { ...RD[0], TX: 'E', RV: 2 },
      ],
      'interval_reversed',
    ],
    ['a value marked as faulty', {}, [RD[0], { ...RD[1], ST: 'E' }], 'register_not_good'],
    ['a value with an error of energy', {}, [RD[0], { ...RD[1], EF: 'E' }], 'register_not_good'],
    ['no value', {}, [RD[0], { ...RD[1], RV: undefined }], 'member_invalid'],
    ['a value in hex', {}, [RD[0], { ...RD[1], RV: '0x10' }], 'member_invalid'],
    ['a value below zero', {}, [{ ...RD[0], RV: -1 }, RD[1]], 'member_invalid'],
    ['a value beyond all meters', {}, [RD[0], { ...RD[1], RV: '1e30' }], 'member_invalid'],
    [
      'a time without a state',
      {},
      [{ ...RD[0], TM: '2025-01-01T10:00:00,000+0100' }, RD[1]],
      'member_invalid',
    ],
    [
      'a day that does not exist',
      {},
      [{ ...RD[0], TM: '2025-02-30T10:00:00,000+0100 S' }, RD[1]],
      'member_invalid',
    ],
    ['a transaction of no kind', {}, [{ ...RD[0], TX: 'Q' }, RD[1]], 'member_invalid'],
    ['a unit that is no energy', {}, RD.map((one) => ({ ...one, RU: 'Ohm' })), 'energy_missing'],
    [
      'a register that is no energy of a direction',
      {},
      RD.map((one) => ({ ...one, RI: '1-0:3.8.0' })),
      'energy_missing',
    ],
  ])('refuses %s', (_, change, readings, expected) => {
    expect(code(payload(change, readings))).toBe(expected);
  });

  it.each([
    ['another head', 'ocmf|{}|{}'],
    ['one section', 'OCMF|{"a":1}'],
    ['a payload that does not end', 'OCMF|{"a":1|{"SD":"00"}'],
    ['a fourth section', 'OCMF|{"a":1}|{"SD":"00"}|{}'],
    ['something behind it', 'OCMF|{"a":1}|{"SD":"00"} x'],
    ['no signature', 'OCMF|{"a":1}|{}'],
    ['a signature that is no DER', 'OCMF|{"a":1}|{"SD":"3000"}'],
    ['an odd number of hex digits', 'OCMF|{"a":1}|{"SD":"300"}'],
    ['another encoding', 'OCMF|{"a":1}|{"SD":"3000","SE":"base32"}'],
    ['another mime type', 'OCMF|{"a":1}|{"SD":"3000","SM":"text/plain"}'],
    ['a number for a signature', 'OCMF|{"a":1}|{"SD":3000}'],
    ['a list for a payload', 'OCMF|[1]|{"SD":"00"}'],
  ])('tells a record with %s from one', (_, record) => {
    const answer = readOcmf(record);
    expect(answer).toBeInstanceOf(Refusal);
    expect((answer as Refusal).code).toMatch(/^(?:ocmf_invalid|envelope_invalid)$/);
  });
});
