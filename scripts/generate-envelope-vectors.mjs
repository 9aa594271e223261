// Writes vectors/envelopes.json: messages signed in every kind of envelope, broken in every way that has a name.
// Uses node:crypto and encoders of its own, none of the product's: node scripts/generate-envelope-vectors.mjs
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';
import { writeFileSync } from 'node:fs';

const PKCS8 = {
  Ed25519: '302e020100300506032b657004220420',
  ES256: '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
  ES256K: '303e020100301006072a8648ce3d020106052b8104000a042730250201010420',
};
const ORDER = {
  Ed25519: 2n ** 252n + 27742317777372353535851937790883648493n,
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES256K: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
};
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const number = (bytes) => BigInt(`0x${bytes.toString('hex') || '0'}`);
const bytes32 = (value) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const b64u = (bytes) => Buffer.from(bytes).toString('base64url');
const b64 = (bytes) => Buffer.from(bytes).toString('base64');
const utf8 = (text) => Buffer.from(text, 'utf8');

class Device {
  constructor(meter, alg) {
    Object.assign(this, { meter, alg });
    const key = Buffer.concat([Buffer.from(PKCS8[alg], 'hex'), sha256(utf8(`vector ${meter}`))]);
    this.key = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    this.spki = createPublicKey(this.key).export({ format: 'der', type: 'spki' });
    this.keyId = sha256(this.spki).toString('hex').slice(0, 16);
  }

  /** 64 bytes; ECDSA with the lower s. */
  sign(message) {
    if (this.alg === 'Ed25519') return sign(null, message, this.key);
    const value = sign('sha256', message, { key: this.key, dsaEncoding: 'ieee-p1363' });
    const s = number(value.subarray(32));
    const n = ORDER[this.alg];
    return Buffer.concat([value.subarray(0, 32), bytes32(s > n / 2n ? n - s : s)]);
  }

  /** The other signature of the same message that an attacker can compute: n − s, or S + L. */
  other(signature) {
    const n = ORDER[this.alg];
    const half = signature.subarray(32);
    if (this.alg !== 'Ed25519')
      return Buffer.concat([signature.subarray(0, 32), bytes32(n - number(half))]);
    const s = number(Buffer.from(half).reverse()) + n;
    return Buffer.concat([signature.subarray(0, 32), bytes32(s).reverse()]);
  }

  reading(more = {}) {
    const document = {
      device: 'device-1',
      end: '2025-12-03T04:15:00.000Z',
      import_kwh: '1.25',
      meter: this.meter,
      seq: 7,
      site: 'site-1',
      start: '2025-12-03T04:00:00.000Z',
      v: 'reading/1',
      ...more,
    };
    const sorted = Object.fromEntries(
      Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    return { document: sorted, bytes: utf8(JSON.stringify(sorted)) };
  }
}

const ALGORITHMS = ['Ed25519', 'ES256', 'ES256K'];
const devices = Object.fromEntries(ALGORITHMS.map((alg) => [alg, new Device(`M-${alg}`, alg)]));
const others = Object.fromEntries(ALGORITHMS.map((alg) => [alg, new Device(`N-${alg}`, alg)]));
const stranger = Object.fromEntries(ALGORITHMS.map((alg) => [alg, new Device(`X-${alg}`, alg)]));
const nextOf = (alg) => ALGORITHMS[(ALGORITHMS.indexOf(alg) + 1) % 3];
const cases = [];
const add = (name, verdict, body, type = 'application/json') => {
  const bytes = Buffer.isBuffer(body)
    ? body
    : utf8(typeof body === 'string' ? body : JSON.stringify(body));
  cases.push({ name, content_type: type, body: b64(bytes), verdict });
};

// ---- JWS ----
const JWS_ALG = { Ed25519: 'EdDSA', ES256: 'ES256', ES256K: 'ES256K' };
for (const alg of ALGORITHMS) {
  const device = devices[alg];
  const other = others[alg];
  const { document, bytes } = device.reading();
  const header = (more = {}) => ({
    alg: JWS_ALG[alg],
    kid: device.keyId,
    cty: 'reading/1',
    ...more,
  });
  const jws = (
    head = header(),
    payload = bytes,
    { detached = false, raw = false, by = device, change } = {},
  ) => {
    const h = b64u(utf8(typeof head === 'string' ? head : JSON.stringify(head)));
    const p = b64u(payload);
    const input = raw ? Buffer.concat([utf8(`${h}.`), payload]) : utf8(`${h}.${p}`);
    const signature = by.sign(input);
    return `${h}.${detached ? '' : p}.${b64u(change === undefined ? signature : change(signature))}`;
  };
  const says = (what, verdict, envelope) => add(`JWS ${alg}: ${what}`, verdict, envelope);
  const B64 = { b64: false, crit: ['b64'] };
  says('compact', 'accepted', { jws: jws() });
  says('with the format beside it', 'accepted', { format: 'reading/1', jws: jws() });
  says('detached beside the document', 'accepted', {
    document,
    jws: jws(header(), bytes, { detached: true }),
  });
  says('detached beside its bytes', 'accepted', {
    bytes: b64(bytes),
    jws: jws(header(), bytes, { detached: true }),
  });
  says('unencoded payload', 'accepted', {
    document,
    jws: jws(header(B64), bytes, { detached: true, raw: true }),
  });
  says('a member that means nothing', 'accepted', { jws: jws(header({ typ: 'JOSE', x: [1] })) });
  says('members in another order', 'accepted', {
    jws: jws({ cty: 'reading/1', kid: device.keyId, alg: JWS_ALG[alg] }),
  });
  if (alg === 'Ed25519')
    says('the fully specified name', 'accepted', { jws: jws(header({ alg: 'Ed25519' })) });
  says('the other signature of the message', alg === 'Ed25519' ? 'signature_invalid' : 'accepted', {
    jws: jws(header(), bytes, { change: (s) => device.other(s) }),
  });
  says('alg none without a signature', 'alg_not_allowed', {
    jws: `${b64u(utf8(JSON.stringify(header({ alg: 'none' }))))}.${b64u(bytes)}.`,
  });
  says('alg none with a signature', 'alg_not_allowed', { jws: jws(header({ alg: 'none' })) });
  says('alg None', 'alg_not_allowed', { jws: jws(header({ alg: 'None' })) });
  says('alg HS256 keyed with the public key', 'alg_not_allowed', {
    jws: (() => {
      const input = `${b64u(utf8(JSON.stringify(header({ alg: 'HS256' }))))}.${b64u(bytes)}`;
      return `${input}.${b64u(createHmac('sha256', device.spki).update(input).digest())}`;
    })(),
  });
  says('alg of another registered algorithm', 'alg_not_allowed', {
    jws: jws(header({ alg: JWS_ALG[nextOf(alg)] })),
  });
  says('alg of another algorithm, signed so', 'alg_not_allowed', {
    jws: jws(header({ alg: JWS_ALG[nextOf(alg)] }), bytes, { by: devices[nextOf(alg)] }),
  });
  says('alg RS256', 'alg_not_allowed', { jws: jws(header({ alg: 'RS256' })) });
  says('alg that is no string', 'jws_invalid', { jws: jws(header({ alg: 7 })) });
  says('alg __proto__', 'alg_not_allowed', { jws: jws(header({ alg: '__proto__' })) });
  says('no alg', 'jws_invalid', { jws: jws({ kid: device.keyId, cty: 'reading/1' }) });
  says('header changed after signing', 'signature_invalid', {
    jws: jws().replace(/^[^.]*/, b64u(utf8(JSON.stringify(header({ typ: 'JWT' }))))),
  });
  says('payload of another reading', 'signature_invalid', {
    jws: jws().replace(/\.[^.]*\./, `.${b64u(device.reading({ import_kwh: '9.99' }).bytes)}.`),
  });
  says('detached, another document beside it', 'signature_invalid', {
    document: device.reading({ import_kwh: '9.99' }).document,
    jws: jws(header(), bytes, { detached: true }),
  });
  says('signed encoded, sent as unencoded', 'signature_invalid', {
    document,
    jws: jws(header(B64), bytes, { detached: true }),
  });
  says('signed unencoded, sent as encoded', 'signature_invalid', {
    document,
    jws: jws(header(), bytes, { detached: true, raw: true }),
  });
  says('a member of the header twice', 'jws_invalid', {
    jws: jws(JSON.stringify(header()).replace('{', `{"alg":"none",`)),
  });
  says('the key id twice', 'jws_invalid', {
    jws: jws(JSON.stringify(header()).replace('{', `{"kid":"${device.keyId}",`)),
  });
  says('padding', 'jws_invalid', { jws: `${jws()}==` });
  says('a signature with unused bits', 'jws_invalid', {
    jws: jws().replace(
      /.$/,
      (c) =>
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[
          'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(c) ^ 1
        ],
    ),
  });
  says('the alphabet of plain base64', 'jws_invalid', {
    jws: jws(header({ x: '\u00ff\u00ff\u00be' }), bytes).replace(/\.[^.]*$/, '.+/+/'),
  });
  says('white space', 'jws_invalid', { jws: `${jws()} ` });
  says('two parts', 'jws_invalid', { jws: jws().replace(/\.[^.]*$/, '') });
  says('four parts', 'jws_invalid', { jws: `${jws()}.AA` });
  says('an empty header', 'jws_invalid', { jws: jws('') });
  says('a header that is a list', 'jws_invalid', { jws: jws('[]') });
  says('a header that is no JSON', 'jws_invalid', { jws: jws('{alg}') });
  says('a header too long', 'jws_invalid', { jws: jws(header({ x: 'x'.repeat(1100) })) });
  says('an extension that must be known', 'jws_crit_unknown', {
    jws: jws(header({ crit: ['exp'], exp: 1 })),
  });
  says('b64 and an extension that must be known', 'jws_crit_unknown', {
    jws: jws(header({ ...B64, crit: ['b64', 'exp'], exp: 1 })),
  });
  says('an empty crit', 'jws_invalid', { jws: jws(header({ crit: [] })) });
  says('a crit that is no list', 'jws_invalid', { jws: jws(header({ crit: 'b64', b64: true })) });
  says('a crit with a name twice', 'jws_invalid', {
    jws: jws(header({ crit: ['b64', 'b64'], b64: true })),
  });
  says('a crit that names what is not there', 'jws_invalid', {
    jws: jws(header({ crit: ['b64'] })),
  });
  says('b64 that is not critical', 'jws_invalid', {
    document,
    jws: jws(header({ b64: false }), bytes, { detached: true, raw: true }),
  });
  says('b64 that is text', 'jws_invalid', {
    document,
    jws: jws(header({ b64: 'false', crit: ['b64'] }), bytes, { detached: true, raw: true }),
  });
  says('an unencoded payload inside', 'jws_invalid', { jws: jws(header(B64)) });
  says('no key id', 'jws_invalid', { jws: jws({ alg: JWS_ALG[alg], cty: 'reading/1' }) });
  says('a key id in capitals', 'jws_invalid', {
    jws: jws(header({ kid: device.keyId.toUpperCase().replace(/^[0-9]*$/, 'A') })),
  });
  says('a key id that nobody has', 'key_unknown', {
    jws: jws(header({ kid: stranger[alg].keyId }), bytes, { by: stranger[alg] }),
  });
  says('the key of another meter', 'meter_mismatch', {
    jws: jws(header({ kid: other.keyId }), bytes, { by: other }),
  });
  says('the key id of another meter, signed by its own', 'meter_mismatch', {
    jws: jws(header({ kid: other.keyId })),
  });
  says('signed by another key under its id', 'signature_invalid', {
    jws: jws(header(), bytes, { by: other }),
  });
  says('the reading of another meter', 'meter_mismatch', {
    jws: jws(header(), other.reading().bytes),
  });
  says('the reading of a meter nobody knows', 'meter_mismatch', {
    jws: jws(header(), stranger[alg].reading().bytes),
  });
  says('no format', 'jws_invalid', { jws: jws({ alg: JWS_ALG[alg], kid: device.keyId }) });
  says('a format nobody knows', 'format_unknown', { jws: jws(header({ cty: 'reading/9' })) });
  says('a format that is no reading', 'unknown_member', { jws: jws(header({ cty: 'audit/1' })) });
  says('another format beside it', 'envelope_invalid', { format: 'emlog-1.1', jws: jws() });
  says('a payload that is not canonical', 'not_canonical', {
    jws: jws(header(), utf8(JSON.stringify(document, null, 1))),
  });
  says('a payload that is no JSON', 'json_syntax', { jws: jws(header(), utf8('reading')) });
  says('a payload that is no UTF-8', 'json_utf8', {
    jws: jws(header(), Buffer.from([0xff, 0xfe])),
  });
  const domain = utf8(`wattproof/reading/v1\nreading/1\n${device.keyId}\n`);
  says('a signature of the plain envelope', 'signature_invalid', {
    jws: jws(header(), bytes, { change: () => device.sign(Buffer.concat([domain, bytes])) }),
  });
  says('a signature over the bytes alone', 'signature_invalid', {
    jws: jws(header(), bytes, { change: () => device.sign(bytes) }),
  });
  says('a signature without its last byte', 'signature_invalid', {
    jws: jws(header(), bytes, { change: (s) => s.subarray(0, 63) }),
  });
  says('a signature with a byte more', 'signature_invalid', {
    jws: jws(header(), bytes, { change: (s) => Buffer.concat([s, Buffer.from([0])]) }),
  });
  says('a signature of zeros', 'signature_invalid', {
    jws: jws(header(), bytes, { change: () => Buffer.alloc(64) }),
  });
  says('no signature', 'signature_invalid', {
    jws: jws(header(), bytes, { change: () => Buffer.alloc(0) }),
  });
  if (alg !== 'Ed25519')
    says('a signature in DER', 'signature_invalid', {
      jws: jws(header(), bytes, {
        change: () =>
          sign(
            'sha256',
            utf8(`${b64u(utf8(JSON.stringify(header())))}.${b64u(bytes)}`),
            device.key,
          ),
      }),
    });
  says('detached, nothing beside it', 'envelope_incomplete', {
    jws: jws(header(), bytes, { detached: true }),
  });
  says('a payload and a document', 'envelope_invalid', { document, jws: jws() });
  says('a plain signature besides', 'envelope_invalid', {
    jws: jws(),
    signature: { alg, key_id: device.keyId, value: b64(Buffer.alloc(64)) },
  });
  says('that is no text', 'envelope_invalid', { jws: 5 });
  says('that is empty', 'jws_invalid', { jws: '' });
}

// ---- COSE_Sign1 ----
const head = (major, value) => {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 255]);
};
const int = (value) => (value < 0 ? head(1, -1 - value) : head(0, value));
const bstr = (bytes) => Buffer.concat([head(2, bytes.length), bytes]);
const tstr = (text) => Buffer.concat([head(3, utf8(text).length), utf8(text)]);
const array = (...items) => Buffer.concat([head(4, items.length), ...items]);
const map = (...pairs) => Buffer.concat([head(5, pairs.length), ...pairs.flat()]);
const cborOf = (value) => {
  if (typeof value === 'number') return int(value);
  if (typeof value === 'string') return tstr(value);
  const pairs = Object.entries(value).map(([key, item]) => [tstr(key), cborOf(item)]);
  return map(...pairs.sort(([a], [b]) => Buffer.compare(a, b)));
};
const COSE_ALG = { Ed25519: -8, ES256: -7, ES256K: -47 };
for (const alg of ALGORITHMS) {
  const device = devices[alg];
  const other = others[alg];
  const { document, bytes } = device.reading();
  const kid = (of = device) => [int(4), bstr(Buffer.from(of.keyId, 'hex'))];
  const protectedOf = (...more) =>
    map([int(1), int(COSE_ALG[alg])], [int(3), tstr('reading/1')], ...more);
  const cose = ({
    header = protectedOf(kid()),
    unprotected = map(),
    payload = bytes,
    shown = bstr(payload),
    by = device,
    context = 'Signature1',
    external = Buffer.alloc(0),
    tag = Buffer.from([0xd2]),
    change,
  } = {}) => {
    const signature = by.sign(array(tstr(context), bstr(header), bstr(external), bstr(payload)));
    return Buffer.concat([
      tag,
      array(
        bstr(header),
        unprotected,
        shown,
        bstr(change === undefined ? signature : change(signature)),
      ),
    ]);
  };
  const says = (what, verdict, message, beside) =>
    beside === undefined
      ? add(`COSE ${alg}: ${what}`, verdict, message, 'application/cose')
      : add(`COSE ${alg}: ${what}`, verdict, { ...beside, cose: b64(message) });
  const cborHeader = map([int(1), int(COSE_ALG[alg])], [int(3), tstr('reading/1+cbor')], kid());
  const none = Buffer.alloc(0);
  says('with its tag', 'accepted', cose());
  says('without its tag', 'accepted', cose({ tag: none }));
  says('in an envelope', 'accepted', cose(), {});
  says(
    'the key id unprotected',
    'accepted',
    cose({ header: protectedOf(), unprotected: map(kid()) }),
  );
  says('no key id', 'accepted', cose({ header: protectedOf() }));
  says('a payload in CBOR', 'accepted', cose({ header: cborHeader, payload: cborOf(document) }));
  says('detached', 'accepted', cose({ shown: Buffer.from([0xf6]) }), { document });
  says(
    'detached CBOR',
    'accepted',
    cose({ header: cborHeader, payload: cborOf(document), shown: Buffer.from([0xf6]) }),
    { document },
  );
  says(
    'the fully specified number',
    alg === 'ES256K' ? 'alg_not_allowed' : 'accepted',
    cose({
      header: map(
        [int(1), int({ Ed25519: -19, ES256: -9, ES256K: -48 }[alg])],
        [int(3), tstr('reading/1')],
        kid(),
      ),
    }),
  );
  says(
    'the other signature of the message',
    alg === 'Ed25519' ? 'signature_invalid' : 'accepted',
    cose({ change: (s) => device.other(s) }),
  );
  says('no alg', 'alg_not_allowed', cose({ header: map([int(3), tstr('reading/1')], kid()) }));
  says(
    'alg unprotected',
    'cose_invalid',
    cose({
      header: map([int(3), tstr('reading/1')]),
      unprotected: map([int(1), int(COSE_ALG[alg])], kid()),
    }),
  );
  says(
    'alg in both headers',
    'cose_invalid',
    cose({ unprotected: map([int(1), int(COSE_ALG[alg])]) }),
  );
  says(
    'alg HMAC 256/256',
    'alg_not_allowed',
    cose({ header: map([int(1), int(5)], [int(3), tstr('reading/1')], kid()) }),
  );
  says(
    'alg as text',
    'alg_not_allowed',
    cose({ header: map([int(1), tstr(JWS_ALG[alg])], [int(3), tstr('reading/1')], kid()) }),
  );
  says(
    'alg of another registered algorithm',
    'alg_not_allowed',
    cose({ header: map([int(1), int(COSE_ALG[nextOf(alg)])], [int(3), tstr('reading/1')], kid()) }),
  );
  says(
    'critical parameters',
    'cose_invalid',
    cose({
      header: map(
        [int(1), int(COSE_ALG[alg])],
        [int(2), array(int(3))],
        [int(3), tstr('reading/1')],
      ),
    }),
  );
  says(
    'no content type',
    'cose_invalid',
    cose({ header: map([int(1), int(COSE_ALG[alg])], kid()) }),
  );
  says(
    'a content type as a number',
    'cose_invalid',
    cose({ header: map([int(1), int(COSE_ALG[alg])], [int(3), int(50)], kid()) }),
  );
  says(
    'a content type unprotected',
    'cose_invalid',
    cose({
      header: map([int(1), int(COSE_ALG[alg])]),
      unprotected: map([int(3), tstr('reading/1')]),
    }),
  );
  says(
    'a format nobody knows',
    'format_unknown',
    cose({ header: map([int(1), int(COSE_ALG[alg])], [int(3), tstr('reading/9')], kid()) }),
  );
  says(
    'a key id of seven bytes',
    'cose_invalid',
    cose({ header: protectedOf([int(4), bstr(Buffer.alloc(7))]) }),
  );
  says(
    'a key id that nobody has',
    'key_unknown',
    cose({ header: protectedOf(kid(stranger[alg])), by: stranger[alg] }),
  );
  says(
    'the key of another meter',
    'meter_mismatch',
    cose({ header: protectedOf(kid(other)), by: other }),
  );
  says('signed by another key under its id', 'signature_invalid', cose({ by: other }));
  says(
    'no key id, signed by another',
    'signature_invalid',
    cose({ header: protectedOf(), by: other }),
  );
  says(
    'no key id, a meter nobody knows',
    'meter_unknown',
    cose({ header: protectedOf(), payload: stranger[alg].reading().bytes }),
  );
  says(
    'no key id, a meter of another algorithm',
    'alg_not_allowed',
    cose({ header: protectedOf(), payload: devices[nextOf(alg)].reading().bytes }),
  );
  says('the reading of another meter', 'meter_mismatch', cose({ payload: other.reading().bytes }));
  says(
    'another payload',
    'signature_invalid',
    cose({ shown: bstr(device.reading({ import_kwh: '9.99' }).bytes) }),
  );
  says(
    'detached, another document beside it',
    'signature_invalid',
    cose({ shown: Buffer.from([0xf6]) }),
    { document: device.reading({ seq: 8 }).document },
  );
  says('external data', 'signature_invalid', cose({ external: utf8('x') }));
  says('signed as COSE_Sign', 'signature_invalid', cose({ context: 'Signature' }));
  says('signed as a countersignature', 'signature_invalid', cose({ context: 'CounterSignature' }));
  says(
    'signed over the payload alone',
    'signature_invalid',
    cose({ change: () => device.sign(bytes) }),
  );
  says(
    'a signature of the plain envelope',
    'signature_invalid',
    cose({
      change: () =>
        device.sign(
          Buffer.concat([utf8(`wattproof/reading/v1\nreading/1\n${device.keyId}\n`), bytes]),
        ),
    }),
  );
  says(
    'a signature without its last byte',
    'signature_invalid',
    cose({ change: (s) => s.subarray(0, 63) }),
  );
  says('a signature of zeros', 'signature_invalid', cose({ change: () => Buffer.alloc(64) }));
  says(
    'a payload that is not canonical',
    'not_canonical',
    cose({ payload: utf8(JSON.stringify(document, null, 1)) }),
  );
  says('CBOR said to be JSON', 'json_utf8', cose({ payload: cborOf(document) }));
  says('JSON said to be CBOR', 'cbor_invalid', cose({ header: cborHeader }));
  says(
    'CBOR with a byte string',
    'cbor_invalid',
    cose({ header: cborHeader, payload: map([tstr('v'), bstr(utf8('reading/1'))]) }),
  );
  says(
    'CBOR with a float',
    'cbor_invalid',
    cose({
      header: cborHeader,
      payload: map([tstr('seq'), Buffer.from('fb4000000000000000', 'hex')]),
    }),
  );
  says(
    'CBOR with keys out of order',
    'cbor_invalid',
    cose({
      header: cborHeader,
      payload: map(
        [tstr('site'), tstr('a')],
        [tstr('seq'), int(1)],
        [tstr('v'), tstr('reading/1')],
      ),
    }),
  );
  says(
    'CBOR with a member more',
    'unknown_member',
    cose({ header: cborHeader, payload: cborOf({ ...document, zzz: 'x' }) }),
  );
  says('nothing', 'cbor_invalid', Buffer.from([0xd2]));
  says('another tag', 'cbor_invalid', cose({ tag: Buffer.from([0xd8, 98]) }));
  says('its tag twice', 'cbor_invalid', cose({ tag: Buffer.from([0xd2, 0xd2]) }));
  says('a byte behind it', 'cbor_invalid', Buffer.concat([cose(), Buffer.from([0])]));
  for (const cut of [1, 2, 40, 65, 66])
    says(`cut ${cut} bytes from its end`, 'cbor_invalid', cose().subarray(0, -cut));
  says('three parts', 'cose_invalid', array(bstr(protectedOf()), map(), bstr(bytes)));
  says(
    'a protected header that is a map',
    'cose_invalid',
    array(protectedOf(), map(), bstr(bytes), bstr(Buffer.alloc(64))),
  );
  says('a protected header that is no map', 'cose_invalid', cose({ header: array() }));
  says('an empty protected header', 'cbor_invalid', cose({ header: none }));
  says('a payload that is text', 'cose_invalid', cose({ shown: tstr('x') }));
  says(
    'a signature that is text',
    'cose_invalid',
    array(bstr(protectedOf()), map(), bstr(bytes), tstr('x')),
  );
  says(
    'a label twice in the protected header',
    'cbor_invalid',
    cose({
      header: map(
        [int(1), int(COSE_ALG[alg])],
        [int(1), int(COSE_ALG[alg])],
        [int(3), tstr('reading/1')],
      ),
    }),
  );
  says(
    'labels out of order',
    'cbor_invalid',
    cose({ header: map([int(3), tstr('reading/1')], [int(1), int(COSE_ALG[alg])]) }),
  );
  for (const [what, number] of [
    ['in one byte', '1801'],
    ['in two', '190001'],
    ['in four', '1a00000001'],
    ['in eight', '1b0000000000000001'],
    ['of a length', '580161'],
  ])
    says(
      `a number that is not the shortest, ${what}`,
      'cbor_invalid',
      cose({ header: protectedOf([int(9), Buffer.from(number, 'hex')]) }),
    );
  says(
    'a label that is not the shortest',
    'cbor_invalid',
    cose({
      header: Buffer.concat([
        Buffer.from('a2', 'hex'),
        Buffer.from('1801', 'hex'),
        int(COSE_ALG[alg]),
        int(3),
        tstr('reading/1'),
      ]),
    }),
  );
  says(
    'an indefinite map',
    'cbor_invalid',
    cose({
      header: Buffer.concat([
        Buffer.from('bf', 'hex'),
        int(1),
        int(COSE_ALG[alg]),
        int(3),
        tstr('reading/1'),
        Buffer.from('ff', 'hex'),
      ]),
    }),
  );
  says(
    'a header nested too deep',
    'cbor_invalid',
    cose({
      header: map(
        [int(1), int(COSE_ALG[alg])],
        [int(3), tstr('reading/1')],
        [int(9), Buffer.concat([Buffer.alloc(20, 0x81), int(1)])],
      ),
    }),
  );
  says(
    'text that is no UTF-8',
    'cbor_invalid',
    cose({ header: map([int(1), int(COSE_ALG[alg])], [int(3), Buffer.from([0x62, 0xc3, 0x28])]) }),
  );
  says(
    'a length beyond its end',
    'cbor_invalid',
    Buffer.from('d284 5bffffffffffffffff'.replaceAll(' ', ''), 'hex'),
  );
  says('a plain signature besides', 'envelope_invalid', cose(), {
    signature: { alg, key_id: device.keyId, value: b64(Buffer.alloc(64)) },
  });
  says('detached, nothing beside it', 'envelope_incomplete', cose({ shown: Buffer.from([0xf6]) }));
}

// ---- OCMF ----
const derInt = (value) => {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
  const bytes = Buffer.from(hex, 'hex');
  return Buffer.concat([Buffer.from([2, bytes.length]), bytes]);
};
const der = (...integers) => {
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
};
const CURVE = { ES256: 'secp256r1', ES256K: 'secp256k1' };
for (const alg of ['ES256', 'ES256K']) {
  const device = devices[alg];
  const payloadOf = (more = {}) =>
    JSON.stringify({
      FV: '1.0',
      PG: 'T12',
      MS: device.meter,
      RD: [
        {
          TM: '2025-12-03T04:00:00,000+0000 S',
          TX: 'B',
          RV: 2.9,
          RI: '1-b:1.8.0',
          RU: 'kWh',
          ST: 'G',
        },
        { TM: '2025-12-03T04:15:00,000+0000 S', TX: 'E', RV: 4.1, ST: 'G' },
      ],
      ...more,
    });
  const payload = payloadOf();
  const parts = (text = payload, by = device) => {
    const value = by.sign(utf8(text));
    return [number(value.subarray(0, 32)), number(value.subarray(32))];
  };
  const record = (signature = {}, text = payload, by = device) =>
    `OCMF|${text}|${JSON.stringify({ SA: `ECDSA-${CURVE[alg]}-SHA256`, SD: der(...parts(text, by).map(derInt)).toString('hex'), ...signature })}`;
  const says = (what, verdict, text) => add(`OCMF ${alg}: ${what}`, verdict, text, 'text/plain');
  const [r, s] = parts();
  const n = ORDER[alg];
  const sd = (bytes) => ({ SD: bytes.toString('hex') });
  says('as text', 'accepted', record());
  says('with a line feed behind it', 'accepted', `${record()}\n`);
  add(`OCMF ${alg}: as bytes`, 'accepted', { format: 'ocmf', bytes: b64(utf8(record())) });
  says(
    'signature in base64',
    'accepted',
    record({ SE: 'base64', SD: der(derInt(r), derInt(s)).toString('base64') }),
  );
  says(
    'signature in capitals',
    'accepted',
    record({ SD: der(derInt(r), derInt(s)).toString('hex').toUpperCase() }),
  );
  says('the other signature of the message', 'accepted', record(sd(der(derInt(r), derInt(n - s)))));
  if (alg === 'ES256') says('no name of an algorithm', 'accepted', record({ SA: undefined }));
  else says('no name of an algorithm', 'alg_not_allowed', record({ SA: undefined }));
  says('white space in the payload, signed so', 'accepted', record({}, ` ${payload} `));
  says('a space put into the payload', 'signature_invalid', record().replace('{"FV":', '{"FV": '));
  says('a space put before the payload', 'signature_invalid', record().replace('|{', '| {'));
  says(
    'a space taken out of the payload',
    'signature_invalid',
    record({}, ` ${payload}`).replace('| {', '|{'),
  );
  says('a digit changed', 'signature_invalid', record().replace('4.1', '5.1'));
  says('a number written differently', 'signature_invalid', record().replace('4.1', '4.10'));
  says(
    'members in another order',
    'signature_invalid',
    record().replace('"FV":"1.0","PG":"T12"', '"PG":"T12","FV":"1.0"'),
  );
  says('signed by another key', 'signature_invalid', record({}, payload, others[alg]));
  says(
    'signed by another curve under its name',
    'signature_invalid',
    record({}, payload, devices[alg === 'ES256' ? 'ES256K' : 'ES256']),
  );
  says(
    'the name of another curve',
    'alg_not_allowed',
    record({ SA: `ECDSA-${CURVE[alg === 'ES256' ? 'ES256K' : 'ES256']}-SHA256` }),
  );
  for (const curve of ['secp192k1', 'secp192r1', 'secp521r1', 'nonsense'])
    says(`signed on ${curve}`, 'alg_not_allowed', record({ SA: `ECDSA-${curve}-SHA256` }));
  says('a meter nobody knows', 'meter_unknown', record({}, payloadOf({ MS: 'nobody' })));
  says(
    'the meter of another key',
    'signature_invalid',
    record({}, payloadOf({ MS: others[alg].meter })),
  );
  says(
    'a byte behind the signature',
    'ocmf_invalid',
    record(sd(Buffer.concat([der(derInt(r), derInt(s)), Buffer.from([0])]))),
  );
  says('an integer of zero', 'ocmf_invalid', record(sd(der(derInt(0n), derInt(s)))));
  says(
    'a byte behind its integers',
    'ocmf_invalid',
    record(sd(der(derInt(r), derInt(s), Buffer.from([0])))),
  );
  says(
    'a first integer beyond the order',
    'ocmf_invalid',
    record(sd(der(derInt(r + n), derInt(s)))),
  );
  says('an integer beyond the order', 'ocmf_invalid', record(sd(der(derInt(r), derInt(s + n)))));
  says(
    'an integer that is negative',
    'ocmf_invalid',
    record(
      sd(der(Buffer.concat([Buffer.from([2, 32]), bytes32((1n << 255n) | (r >> 1n))]), derInt(s))),
    ),
  );
  says(
    'an integer with a zero too many',
    'ocmf_invalid',
    record(sd(der(Buffer.concat([Buffer.from([2, 34, 0, 0]), bytes32(r)]), derInt(s)))),
  );
  says('r and s without DER', 'ocmf_invalid', record(sd(Buffer.concat([bytes32(r), bytes32(s)]))));
  says('a signature in hex said to be base64', 'ocmf_invalid', record({ SE: 'base64' }));
  says('no signature', 'ocmf_invalid', record({ SD: undefined }));
  says(
    'a member of its signature twice',
    'envelope_duplicate_field',
    record().replace('{"SA"', '{"SD":"00","SA"'),
  );
  says(
    'a member of its payload twice',
    'json_duplicate_key',
    record({}, payload.replace('{', '{"MS":"other",')),
  );
  says('a third bar', 'ocmf_invalid', `${record()}|{}`);
  says('no signature section', 'ocmf_invalid', `OCMF|${payload}`);
  add(`OCMF ${alg}: the payload alone, as bytes`, 'device_signature_required', {
    format: 'ocmf',
    bytes: b64(utf8(payload)),
  });
  add(`OCMF ${alg}: as a document`, 'envelope_invalid', {
    format: 'ocmf',
    document: JSON.parse(payload),
  });
  says('a register that fell', 'register_reversed', record({}, payload.replace('4.1', '1.1')));
}

// ---- OCMF on the longer curves ----
const LONG = [
  [
    'ECDSA-secp384r1-SHA256',
    'P-384',
    96,
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ],
  [
    'ECDSA-brainpool256r1-SHA256',
    'brainpoolP256r1',
    64,
    0xa9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7n,
  ],
  [
    'ECDSA-brainpool384r1-SHA256',
    'brainpoolP384r1',
    96,
    0x8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565n,
  ],
];
const longMeters = [];
for (const [alg, namedCurve, length, n] of LONG) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const meter = `L-${namedCurve}`;
  longMeters.push({
    meter_id: meter,
    alg,
    public_key: b64(publicKey.export({ format: 'der', type: 'spki' })),
  });
  const payload = JSON.stringify({
    PG: 'T1',
    MS: meter,
    RD: [
      { TM: '2025-12-03T04:00:00,000+0000 S', TX: 'B', RV: 1, RI: '1-b:1.8.0', RU: 'kWh', ST: 'G' },
      { TM: '2025-12-03T04:15:00,000+0000 S', TX: 'E', RV: 2 },
    ],
  });
  const value = sign('sha256', utf8(payload), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [number(value.subarray(0, length / 2)), number(value.subarray(length / 2))];
  const record = (signature = {}, text = payload) =>
    `OCMF|${text}|${JSON.stringify({ SA: alg, SD: der(derInt(r), derInt(s)).toString('hex'), ...signature })}`;
  const says = (what, verdict, text) =>
    add(`OCMF ${namedCurve}: ${what}`, verdict, text, 'text/plain');
  says('as text', 'accepted', record());
  says(
    'the other signature of the message',
    'accepted',
    record({ SD: der(derInt(r), derInt(n - s)).toString('hex') }),
  );
  if (namedCurve.startsWith('brain'))
    says("the curve's own name", 'accepted', record({ SA: `ECDSA-${namedCurve}-SHA256` }));
  says('a digit changed', 'signature_invalid', record({}, payload.replace('"RV":2', '"RV":3')));
  // Integers of 384 bits are beyond the order of a curve of 256.
  const other = length === 96 ? 'ocmf_invalid' : 'alg_not_allowed';
  says('the name of another curve', other, record({ SA: 'ECDSA-secp256r1-SHA256' }));
  says(
    'an integer beyond the order',
    'ocmf_invalid',
    record({ SD: der(derInt(r), derInt(s + n)).toString('hex') }),
  );
  const sha384 = sign('sha384', utf8(payload), privateKey).toString('hex');
  says('signed with SHA-384', 'signature_invalid', record({ SD: sha384 }));
}

// ---- GridTokenX ----
{
  const device = devices.Ed25519;
  const document = {
    meter_serial: device.meter,
    timestamp: '2025-12-03T04:00:00+00:00',
    kwh_amount: '5.123456',
    wallet: 'GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB',
  };
  const message = (more = {}) => {
    const d = { ...document, ...more };
    return utf8(
      `GRIDTOKENX_METER_READING\nmeter_serial: ${d.meter_serial}\ntimestamp: ${d.timestamp}\nkwh_amount: ${d.kwh_amount}\nwallet: ${d.wallet}`,
    );
  };
  const envelope = (more = {}, signed = message(more), by = device, id = device) => ({
    format: 'gridtokenx-meter/1',
    document: { ...document, ...more },
    signature: { alg: 'Ed25519', key_id: id.keyId, value: b64(by.sign(signed)) },
  });
  const says = (what, verdict, body) => add(`GridTokenX: ${what}`, verdict, body);
  says('the message', 'accepted', envelope());
  says('as bytes', 'accepted', {
    format: 'gridtokenx-meter/1',
    bytes: b64(message()),
    signature: envelope().signature,
  });
  says(
    'an amount of two digits, signed with six',
    'accepted',
    envelope({ kwh_amount: 5.5 }, message({ kwh_amount: '5.500000' })),
  );
  says(
    'an amount of two digits, signed as it was sent',
    'signature_invalid',
    envelope({ kwh_amount: 5.5 }, message({ kwh_amount: '5.5' })),
  );
  says('an amount of seven digits', 'amount_precision', envelope({ kwh_amount: '5.1234567' }));
  says(
    'a zone of Z instead of +00:00',
    'signature_invalid',
    envelope({ timestamp: '2025-12-03T04:00:00Z' }, message()),
  );
  says('another amount', 'signature_invalid', envelope({ kwh_amount: '6.123456' }, message()));
  says('another wallet', 'signature_invalid', envelope({ wallet: 'W' }, message()));
  says(
    'a line feed at the end of the message',
    'signature_invalid',
    envelope({}, Buffer.concat([message(), utf8('\n')])),
  );
  says('as bytes, a line feed at the end', 'message_lines', {
    format: 'gridtokenx-meter/1',
    bytes: b64(Buffer.concat([message(), utf8('\n')])),
    signature: envelope().signature,
  });
  says(
    'signed in the domain of readings',
    'signature_invalid',
    envelope(
      {},
      Buffer.concat([
        utf8(`wattproof/reading/v1\ngridtokenx-meter/1\n${device.keyId}\n`),
        message(),
      ]),
    ),
  );
  says('signed by another meter', 'signature_invalid', envelope({}, message(), others.Ed25519));
  says(
    'of another meter under its own key',
    'meter_mismatch',
    envelope({ meter_serial: others.Ed25519.meter }),
  );
  says('the other signature of the message', 'signature_invalid', {
    ...envelope(),
    signature: { ...envelope().signature, value: b64(device.other(device.sign(message()))) },
  });
  says('unsigned', 'device_signature_required', { format: 'gridtokenx-meter/1', document });
}

// ---- batches ----
for (const alg of ALGORITHMS) {
  const device = devices[alg];
  const readings = [7, 8, 9].map((seq) =>
    device.reading({
      seq,
      start: `2025-12-03T0${seq}:00:00.000Z`,
      end: `2025-12-03T0${seq}:15:00.000Z`,
    }),
  );
  const nonce = Buffer.alloc(16, 5);
  const uint = (value, width) =>
    Buffer.from(
      BigInt(value)
        .toString(16)
        .padStart(2 * width, '0'),
      'hex',
    );
  const rootOf = (items, batchNonce = nonce) => {
    const leaves = items.map(({ bytes }, i) => {
      const own = createHmac('sha256', batchNonce).update(uint(i, 4)).digest().subarray(0, 16);
      return sha256(Buffer.from([0]), own, sha256(utf8('LOG::'), bytes));
    });
    const node = (list) => {
      if (list.length === 1) return list[0];
      let k = 1;
      while (k * 2 < list.length) k *= 2;
      return sha256(Buffer.from([1]), node(list.slice(0, k)), node(list.slice(k)));
    };
    return node(leaves);
  };
  const v1 = (items = readings, count = items.length) =>
    Buffer.concat([
      utf8(`wattproof/reading-batch/v1\n${device.keyId}\n`),
      uint(count, 4),
      rootOf(items),
    ]);
  const zeros = Buffer.alloc(32);
  const v2 = (
    items = readings,
    { count = items.length, previous = zeros, first = 7, last = 9 } = {},
  ) =>
    Buffer.concat([
      utf8(`wattproof/reading-batch/v2\n${device.keyId}\n`),
      uint(count, 4),
      rootOf(items),
      previous,
      uint(first, 8),
      uint(last, 8),
    ]);
  const batch = (
    signed,
    { items = readings, by = device, id = device, value = by.sign(signed), ...more } = {},
  ) => ({
    format: 'batch/1',
    batch_nonce: b64(nonce),
    items: items.map(({ document }) => ({ format: 'reading/1', document })),
    signature: { alg, key_id: id.keyId, value: b64(value) },
    ...more,
  });
  const chain = (signed = v2(), more = {}) =>
    batch(signed, {
      format: 'batch/2',
      previous: zeros.toString('hex'),
      first: 7,
      last: 9,
      ...more,
    });
  const says = (what, verdict, body) => add(`batch ${alg}: ${what}`, verdict, body);
  says('batch/1', 'accepted', batch(v1()));
  says('batch/2', 'accepted', chain());
  says('batch/1 signed as batch/2', 'signature_invalid', batch(v2()));
  says('batch/2 signed as batch/1', 'signature_invalid', chain(v1()));
  says(
    'items in another order',
    'signature_invalid',
    batch(v1(), { items: [readings[1], readings[0], readings[2]] }),
  );
  says('an item left out', 'signature_invalid', batch(v1(), { items: readings.slice(0, 2) }));
  says(
    'another nonce',
    'signature_invalid',
    batch(v1(), { batch_nonce: b64(Buffer.alloc(16, 6)) }),
  );
  says('another count', 'signature_invalid', batch(v1(readings, 4)));
  says('signed by another key', 'signature_invalid', batch(v1(), { by: others[alg] }));
  says('the key id of another meter', 'meter_mismatch', batch(v1(), { id: others[alg] }));
  says('a key id that nobody has', 'key_unknown', batch(v1(), { id: stranger[alg] }));
  says(
    'the other signature of the message',
    'signature_invalid',
    batch(v1(), { value: device.other(device.sign(v1())) }),
  );
  says(
    'the signature of one reading',
    'signature_invalid',
    batch(v1(), {
      value: device.sign(
        Buffer.concat([
          utf8(`wattproof/reading/v1\nreading/1\n${device.keyId}\n`),
          readings[0].bytes,
        ]),
      ),
    }),
  );
  says(
    'the name of another algorithm',
    'alg_not_allowed',
    batch(v1(), {
      signature: { alg: nextOf(alg), key_id: device.keyId, value: b64(device.sign(v1())) },
    }),
  );
  says('batch/2 without numbers', 'batch_chain_invalid', chain(v2(), { first: undefined }));
  says(
    'batch/2 that names another before it',
    'signature_invalid',
    chain(v2(), { previous: 'ab'.repeat(32) }),
  );
  says(
    'batch/2 behind what is not here',
    'chain_gap',
    chain(v2(readings, { previous: Buffer.alloc(32, 0xab) }), { previous: 'ab'.repeat(32) }),
  );
  says(
    'batch/2 with numbers that are not its readings',
    'batch_chain_invalid',
    chain(v2(readings, { first: 8, last: 10 }), { first: 8, last: 10 }),
  );
  says('batch/2 with fewer numbers than readings', 'batch_chain_invalid', chain(v2(), { last: 8 }));
  says(
    'batch/2 with its readings out of order',
    'batch_chain_invalid',
    chain(v2([readings[1], readings[0], readings[2]]), {
      items: [readings[1], readings[0], readings[2]],
    }),
  );
  says('batch/2 without a signature', 'envelope_incomplete', chain(v2(), { signature: undefined }));
  says('batch/1 with numbers', 'envelope_unknown_field', batch(v1(), { first: 7 }));
  says('a batch in a list', 'batch_nested', [chain()]);
}

const meters = [...Object.values(devices), ...Object.values(others)]
  .map(({ meter, alg, spki }) => ({ meter_id: meter, alg, public_key: b64(spki) }))
  .concat(longMeters);
writeFileSync(
  new URL('../vectors/envelopes.json', import.meta.url),
  `${JSON.stringify({ meters, cases }, null, 1)}\n`,
);
console.log(`${cases.length} cases`);
