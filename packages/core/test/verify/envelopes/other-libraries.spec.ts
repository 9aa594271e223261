import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decode, encode } from 'cbor2';
import fc from 'fast-check';
import { CompactSign, compactVerify, FlattenedSign, flattenedVerify } from 'jose';
import { readJws } from '../../../src/ingestion/wrapped-envelope.js';
import { utf8 } from '../../../src/verify/bytes.js';
import { verifyEcdsa } from '../../../src/verify/ecdsa.js';
import { verifyEd25519 } from '../../../src/verify/ed25519.js';
import {
  cborOfJson,
  coseMessage,
  envelopeMessage,
  jsonOfCbor,
  readCbor,
  splitJws,
  toBase64Url,
} from '../../../src/verify/envelopes/index.js';
import { parseJson } from '../../../src/verify/json/parse.js';
import { canonicalJson } from '../../../src/verify/rfc8785.js';
import { decodeSpki, keyIdOf, type SignatureAlgorithm } from '../../../src/verify/spki.js';

const PAYLOAD = utf8('{"v":"reading/1"}');

/** Keys of each algorithm that jose signs with; it has none on secp256k1. */
const KEYS: readonly (readonly [
  SignatureAlgorithm,
  string,
  () => { publicKey: KeyObject; privateKey: KeyObject },
])[] = [
  ['Ed25519', 'EdDSA', () => generateKeyPairSync('ed25519')],
  ['ES256', 'ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
];

function isSignedBy(spki: Uint8Array, compact: string): boolean {
  const envelope = readJws(
    compact,
    compact.includes('..') ? { kind: 'bytes', bytes: PAYLOAD } : undefined,
  );
  if (!('signature' in envelope) || envelope.signature?.envelope === undefined) return false;
  const { alg, keyId, value, envelope: wrapped } = envelope.signature;
  const key = decodeSpki(spki)!;
  const message = envelopeMessage(
    wrapped,
    { alg: key.alg, keyId: keyId! },
    { format: envelope.format, bytes: PAYLOAD },
  );
  expect(alg).toBe(key.alg);
  return key.alg === 'Ed25519'
    ? verifyEd25519(value, message, key.key)
    : verifyEcdsa(key.alg, value, message, key.key);
}

describe.each(KEYS)('A JWS of jose with %s', (_, alg, generate) => {
  it('holds here, whichever of its two signatures was made; and ours hold there', async () => {
    const { publicKey, privateKey } = generate();
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const header = { alg, kid: keyIdOf(spki), cty: 'reading/1' };
    for (let i = 0; i < 8; i += 1) {
      const compact = await new CompactSign(PAYLOAD).setProtectedHeader(header).sign(privateKey);
      expect(isSignedBy(spki, compact)).toBe(true);
      // The signature with the lower s is still one that others take.
      const { signature } = readJws(compact) as { signature: { value: Uint8Array } };
      const low = compact.replace(/[^.]*$/, toBase64Url(signature.value));
      await expect(compactVerify(low, publicKey)).resolves.toBeDefined();
      expect(splitJws(low).signature).toHaveLength(64);
    }
    const flat = await new FlattenedSign(PAYLOAD)
      .setProtectedHeader({ ...header, b64: false, crit: ['b64'] })
      .sign(privateKey);
    expect(isSignedBy(spki, `${flat.protected}..${flat.signature}`)).toBe(true);
    await expect(flattenedVerify({ ...flat, payload: PAYLOAD }, publicKey)).resolves.toBeDefined();
    const other = generate().publicKey.export({ format: 'der', type: 'spki' });
    expect(isSignedBy(other, `${flat.protected}..${flat.signature}`)).toBe(false);
  });
});

describe('Deterministic CBOR', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 5 }),
    ),
  })).value;

  it('is the encoding of another library for any JSON of integers, and is read back by both', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        const mine = cborOfJson(parseJson(text, 'literal'));
        expect(Buffer.from(mine).toString('hex')).toBe(
          Buffer.from(encode(JSON.parse(text), { cde: true })).toString('hex'),
        );
        expect(canonicalJson(JSON.parse(jsonOfCbor(readCbor(mine))))).toBe(text);
        expect(canonicalJson(decode(mine))).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  it('makes the Sig_structure of RFC 9052 §4.4', () => {
    const header = Uint8Array.of(0xa1, 0x01, 0x26);
    expect(Buffer.from(coseMessage(header, false, PAYLOAD))).toEqual(
      Buffer.from(encode(['Signature1', header, new Uint8Array(0), PAYLOAD], { cde: true })),
    );
  });
});
