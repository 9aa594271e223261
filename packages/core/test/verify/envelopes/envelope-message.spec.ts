import { utf8 } from '../../../src/verify/bytes.js';
import {
  chainHeader,
  EnvelopeError,
  envelopeMessage,
  lowSSignature,
  signatureOfDer,
} from '../../../src/verify/envelopes/index.js';
import { cborBytes, cborText } from '../../../src/verify/envelopes/cbor.js';
import { WrappingDevice } from '../../ingestion/wrapping-device.js';

const device = new WrappingDevice('M-1', 'ES256');
const entry = { format: 'reading/1', bytes: utf8('{"v":"reading/1"}') };
const own = { alg: 'ES256', keyId: device.keyId } as const;
const jws = (more: object = {}) => ({
  type: 'jws',
  header: utf8(JSON.stringify(device.jwsHeader(more))),
});
const cose = { type: 'cose', header: device.coseHeader() };
const root = new Uint8Array(32).fill(1);
const chain = {
  type: 'chain',
  header: chainHeader({ previous: new Uint8Array(32), first: 0n, last: 2n }),
};
const batch = { nonce: new Uint8Array(16), index: 0, count: 3, path: [] };

describe('The message of a proof in an envelope', () => {
  const codeOf = (...parameters: Parameters<typeof envelopeMessage>): string => {
    try {
      envelopeMessage(...parameters);
      return 'none';
    } catch (error) {
      return error instanceof EnvelopeError ? error.code : String(error);
    }
  };

  it('is there when envelope and proof say the same', () => {
    expect(codeOf(jws(), own, entry)).toBe('none');
    expect(codeOf(cose, own, entry)).toBe('none');
    expect(codeOf(chain, { ...own, batch }, entry, root)).toBe('none');
  });

  it.each<[string, Parameters<typeof envelopeMessage>, string]>([
    ['a JWS of another algorithm', [jws({ alg: 'EdDSA' }), own, entry], 'alg_not_allowed'],
    ['a JWS of another key', [jws({ kid: 'f'.repeat(16) }), own, entry], 'envelope_unknown'],
    ['a JWS of another format', [jws({ cty: 'emlog-1.1' }), own, entry], 'envelope_unknown'],
    ['a JWS over a batch', [jws(), { ...own, batch }, entry, root], 'envelope_unknown'],
    [
      'a COSE_Sign1 of another algorithm',
      [cose, { ...own, alg: 'ES256K' }, entry],
      'alg_not_allowed',
    ],
    [
      'a COSE_Sign1 of another key',
      [cose, { ...own, keyId: 'f'.repeat(16) }, entry],
      'envelope_unknown',
    ],
    [
      'a COSE_Sign1 of another format',
      [cose, own, { ...entry, format: 'ocmf' }],
      'envelope_unknown',
    ],
    ['a chain without a batch', [chain, own, entry], 'envelope_unknown'],
    [
      'a chain of another length',
      [chain, { ...own, batch: { ...batch, count: 4 } }, entry, root],
      'batch_chain_invalid',
    ],
    [
      'a chain cut short',
      [{ ...chain, header: chain.header.subarray(1) }, { ...own, batch }, entry, root],
      'batch_chain_invalid',
    ],
    ['a kind nobody knows', [{ ...chain, type: 'pgp' }, own, entry], 'envelope_unknown'],
  ])('is refused for %s', (_, parameters, code) => {
    expect(codeOf(...parameters)).toBe(code);
  });

  it('tells every two envelopes apart: none has the message of another', () => {
    const plus = { type: 'cose', header: device.coseHeader('reading/1+cbor') };
    const messages = [
      envelopeMessage(jws(), own, entry),
      envelopeMessage(jws({ b64: false, crit: ['b64'] }), own, entry),
      envelopeMessage(cose, own, entry),
      envelopeMessage(plus, own, entry),
      envelopeMessage(chain, { ...own, batch }, entry, root),
    ].map((message) => Buffer.from(message).toString('hex'));
    expect(new Set(messages).size).toBe(messages.length);
  });
});

describe('Signatures of other standards', () => {
  it('keep the lower s, and only that changes', () => {
    const message = utf8('x');
    for (let i = 0; i < 8; i += 1) {
      const value = signatureOfDer('ES256', device.sign(message, 'der'));
      expect(value).toHaveLength(64);
      expect(lowSSignature('ES256', value!)).toEqual(value);
    }
    const odd = new Uint8Array(64).fill(0xff);
    expect(lowSSignature('ES256', odd)).toBe(odd);
    expect(lowSSignature('Ed25519', odd)).toBe(odd);
  });

  it('have CBOR heads of every length', () => {
    for (const length of [0, 23, 24, 255, 256, 65_535, 65_536]) {
      const head = length < 24 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5;
      expect(cborBytes(new Uint8Array(length))).toHaveLength(head + length);
      expect(cborText('a'.repeat(length))).toHaveLength(head + length);
    }
  });
});
