// Edge cases of device signatures and keys for vectors/device-signing.json: which signature is whose over what, and which keys may be registered.
// Keys, points and digests come from node:crypto, nonces from SHA-256, the arithmetic of ECDSA is done here: the same bytes in every run.
import { createECDH, createHash, createPrivateKey, createPublicKey, ECDH, sign } from 'node:crypto';

const CURVES = {
  ES256: {
    name: 'prime256v1',
    head: '3059301306072a8648ce3d020106082a8648ce3d030107034200',
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  ES256K: {
    name: 'secp256k1',
    head: '3056301006072a8648ce3d020106052b8104000a034200',
    p: 2n ** 256n - 2n ** 32n - 977n,
    n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  },
};
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const ED25519_HEAD = '302a300506032b6570032100';
const PKCS8_HEAD = '302e020100300506032b657004220420';

const utf8 = (text) => Buffer.from(text, 'utf8');
const fromHex = (text) => Buffer.from(text, 'hex');
const digest = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
const bytes32 = (value) => fromHex(value.toString(16).padStart(64, '0'));
const mod = (value, n) => ((value % n) + n) % n;
function inverse(value, n) {
  let [a, b, x, y] = [mod(value, n), n, 1n, 0n];
  while (a !== 0n) {
    const q = b / a;
    [a, b, x, y] = [b - q * a, a, y - q * x, x];
  }
  return mod(y, n);
}

/** d·G as 65 bytes. */
function point(alg, scalar) {
  const ecdh = createECDH(CURVES[alg].name);
  ecdh.setPrivateKey(bytes32(scalar));
  return ecdh.getPublicKey();
}

class EcdsaSigner {
  constructor(alg, name, secret) {
    this.alg = alg;
    this.n = CURVES[alg].n;
    this.secret = secret ?? mod(number(digest(utf8(`vector key ${alg} ${name}`))), this.n);
    this.point = point(alg, this.secret);
    this.spki = Buffer.concat([fromHex(CURVES[alg].head), this.point]);
    this.keyId = digest(this.spki).toString('hex').slice(0, 16);
  }

  /** r and s as numbers, s as it comes. `z`: the number that is signed. */
  numbers(message, z = number(digest(message))) {
    const k = mod(number(digest(bytes32(this.secret), message, utf8('nonce'))), this.n);
    const r = number(point(this.alg, k).subarray(1, 33)) % this.n;
    return { r, s: mod(inverse(k, this.n) * (z + r * this.secret), this.n) };
  }

  sign(message) {
    const { r, s } = this.numbers(message);
    return joined(r, s > this.n / 2n ? this.n - s : s);
  }
}

class Ed25519Signer {
  alg = 'Ed25519';

  constructor(name, seed = digest(utf8(`vector key Ed25519 ${name}`))) {
    const der = Buffer.concat([fromHex(PKCS8_HEAD), seed]);
    this.secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    this.spki = createPublicKey(this.secret).export({ format: 'der', type: 'spki' });
    this.keyId = digest(this.spki).toString('hex').slice(0, 16);
  }

  sign(message) {
    return sign(null, message, this.secret);
  }
}

const signerOf = (alg, name) =>
  alg === 'Ed25519' ? new Ed25519Signer(name) : new EcdsaSigner(alg, name);
const joined = (r, s) => Buffer.concat([bytes32(r), bytes32(s)]);

function derInteger(value) {
  const raw = fromHex(
    value.toString(16).padStart(value.toString(16).length + (value.toString(16).length % 2), '0'),
  );
  const body = raw[0] >= 0x80 ? Buffer.concat([Buffer.of(0), raw]) : raw;
  return Buffer.concat([Buffer.of(2, body.length), body]);
}
function der(r, s) {
  const body = Buffer.concat([derInteger(r), derInteger(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** Every case of a signature: `valid` on every back end, or on none. */
export function signatureCases() {
  const cases = [];
  const add = (name, signer, message, signature, valid) =>
    cases.push({
      name,
      alg: signer.alg,
      public_key: Buffer.from(signer.spki).toString('base64'),
      message: Buffer.from(message).toString('hex'),
      signature: Buffer.from(signature).toString('base64'),
      valid,
    });
  for (const alg of ['ES256', 'ES256K']) ecdsaCases(alg, add);
  rfc6979(add);
  rfc8032(add);
  edwardsCases(add);
  domainCases(add);
  deviceCases(add);
  return cases;
}

function ecdsaCases(alg, add) {
  const key = new EcdsaSigner(alg, 'edge');
  const { n } = key;
  const half = n / 2n;
  for (const length of [0, 1, 31, 32, 33, 55, 56, 64, 1000]) {
    const message = Buffer.alloc(length, length & 0xff);
    const signature = key.sign(message);
    const [r, s] = [number(signature.subarray(0, 32)), number(signature.subarray(32))];
    add(`${alg}: a message of ${length} bytes`, key, message, signature, true);
    add(`${alg}: a message of ${length} bytes, n − s`, key, message, joined(r, n - s), false);
  }
  const message = utf8('edge');
  const good = key.sign(message);
  const [r, s] = [number(good.subarray(0, 32)), number(good.subarray(32))];
  const max = 2n ** 256n - 1n;
  /** @type {[string, Buffer][]} */
  const broken = [
    ['r = 0', joined(0n, s)],
    ['s = 0', joined(r, 0n)],
    ['r = s = 0', joined(0n, 0n)],
    ['r = n', joined(n, s)],
    ['s = n', joined(r, n)],
    ['r = n + 1', joined(n + 1n, s)],
    ['r = 2²⁵⁶ − 1', joined(max, s)],
    ['s = 2²⁵⁶ − 1', joined(r, max)],
    ['s = n − 1', joined(r, n - 1n)],
    ['s = (n − 1) / 2, of another key', joined(r, half)],
    ['r = s = 1', joined(1n, 1n)],
    ['r and s exchanged', joined(s, r)],
    ['n − r', joined(n - r, s)],
    ['little-endian', Buffer.concat([good.subarray(0, 32).reverse(), good.subarray(32).reverse()])],
    ['DER', der(r, s)],
    ['DER with n − s', der(r, n - s)],
    ['no bytes', Buffer.alloc(0)],
    ['r alone', key.sign(message).subarray(0, 32)],
    ['63 bytes', key.sign(message).subarray(0, 63)],
    ['65 bytes', Buffer.concat([key.sign(message), Buffer.of(0)])],
    ['a recovery byte in front', Buffer.concat([Buffer.of(27), key.sign(message)])],
    ['twice', Buffer.concat([key.sign(message), key.sign(message)])],
  ];
  for (const [name, signature] of broken) add(`${alg}: ${name}`, key, message, signature, false);

  // The nonce and s are chosen, the key follows: s exactly at the border, and at both ends.
  const nonce = mod(number(digest(utf8(`border ${alg}`))), n);
  const x = number(point(alg, nonce).subarray(1, 33)) % n;
  for (const [name, value, valid] of [
    ['s = 1', 1n, true],
    ['s = 2', 2n, true],
    ['s = (n − 1) / 2', half, true],
    ['s = (n + 1) / 2', half + 1n, false],
    ['s = n − 1', n - 1n, false],
  ]) {
    const z = number(digest(message));
    const secret = mod((value * nonce - z) * inverse(x, n), n);
    const signer = new EcdsaSigner(alg, '', secret);
    add(`${alg}: ${name}, its equation holds`, signer, message, joined(x, value), valid);
  }
  for (const scalar of [1n, 2n, n - 1n]) {
    const signer = new EcdsaSigner(alg, '', scalar);
    const name = scalar === n - 1n ? 'n − 1' : scalar;
    add(`${alg}: the key ${name}·G`, signer, message, signer.sign(message), true);
  }
  for (const [name, z] of [
    ['not hashed', number(Buffer.alloc(32, 7))],
    ['hashed twice', number(digest(digest(Buffer.alloc(32, 7))))],
    [
      'hashed with SHA-512',
      number(createHash('sha512').update(Buffer.alloc(32, 7)).digest().subarray(0, 32)),
    ],
    ['hashed with SHA-1', number(createHash('sha1').update(Buffer.alloc(32, 7)).digest())],
    [
      'hashed with SHA-384',
      number(createHash('sha384').update(Buffer.alloc(32, 7)).digest().subarray(0, 32)),
    ],
  ]) {
    const given = key.numbers(Buffer.alloc(32, 7), z);
    const low = given.s > half ? n - given.s : given.s;
    add(`${alg}: the message ${name}`, key, Buffer.alloc(32, 7), joined(given.r, low), false);
  }
  for (const bit of [0, 7, 8, 100, 255, 256, 263, 300, 504, 511]) {
    const flipped = Buffer.from(key.sign(message));
    flipped[bit >> 3] ^= 1 << (bit & 7);
    add(`${alg}: bit ${bit} of the signature flipped`, key, message, flipped, false);
  }
  const other = alg === 'ES256' ? 'ES256K' : 'ES256';
  const swapped = Object.assign(new EcdsaSigner(other, 'edge'), {
    spki: Buffer.concat([fromHex(CURVES[other].head), key.point]),
  });
  add(`${alg}: the key called ${other}`, swapped, message, key.sign(message), false);
  for (const bit of [8, 255, 300, 519]) {
    const spki = Buffer.from(key.spki);
    spki[spki.length - 65 + (bit >> 3)] ^= 1 << (bit & 7);
    add(
      `${alg}: bit ${bit} of the point flipped`,
      { alg, spki },
      message,
      key.sign(message),
      false,
    );
  }
}

/** RFC 6979 appendix A.2.5: P-256 with SHA-256. The signature of "sample" has its s in the upper half. */
function rfc6979(add) {
  const key = new EcdsaSigner(
    'ES256',
    '',
    0xc9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721n,
  );
  const r = 0xefd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716n;
  const s = 0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8n;
  add('RFC 6979 A.2.5 "sample", s in the upper half', key, utf8('sample'), joined(r, s), false);
  add('RFC 6979 A.2.5 "sample", n − s', key, utf8('sample'), joined(r, key.n - s), true);
  const test = joined(
    0xf1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367n,
    0x019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083n,
  );
  add('RFC 6979 A.2.5 "test"', key, utf8('test'), test, true);
}

/** RFC 8032 §7.1: seed, message and signature. */
function rfc8032(add) {
  for (const [name, seed, message, signature] of [
    [
      'TEST 1',
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      'TEST 2',
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'TEST 3',
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
    [
      'TEST SHA(abc)',
      '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
    ],
  ]) {
    const key = new Ed25519Signer('', fromHex(seed));
    const bytes = fromHex(message);
    const value = fromHex(signature);
    add(`RFC 8032 ${name}`, key, bytes, value, true);
    const s = mod(number(Buffer.from(value.subarray(32)).reverse()), 2n ** 256n);
    const shifted = Buffer.concat([value.subarray(0, 32), bytes32(s + L).reverse()]);
    add(`RFC 8032 ${name}, S + L`, key, bytes, shifted, false);
    for (const bit of [0, 255, 256, 500]) {
      const flipped = Buffer.from(value);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      add(`RFC 8032 ${name}, bit ${bit} flipped`, key, bytes, flipped, false);
    }
    add(
      `RFC 8032 ${name}, a byte more in the message`,
      key,
      Buffer.concat([bytes, Buffer.of(0)]),
      value,
      false,
    );
    add(`RFC 8032 ${name}, 63 bytes`, key, bytes, value.subarray(0, 63), false);
    add(`RFC 8032 ${name}, 65 bytes`, key, bytes, Buffer.concat([value, Buffer.of(0)]), false);
  }
}

/** The eight points of small order, and the forms that are no canonical encoding of anything. */
function edwardsCases(add) {
  const key = new Ed25519Signer('edge');
  const message = utf8('edge');
  const good = key.sign(message);
  const small = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ];
  const foreign = [
    ['y = p', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['y = p + 1', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['y = p + 1, x odd', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
    ['y = 2²⁵⁵ − 1', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['x = −0, y = 1', '0100000000000000000000000000000000000000000000000000000000000080'],
    ['x = −0, y = −1', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
    ['no point', '0200000000000000000000000000000000000000000000000000000000000000'],
  ];
  const spkiOf = (hex) => Buffer.concat([fromHex(ED25519_HEAD), fromHex(hex)]);
  const zero = Buffer.alloc(32);
  for (const [i, a] of small.entries())
    for (const [j, r] of small.entries())
      add(
        `Ed25519: key of small order ${i}, R of small order ${j}, S = 0`,
        { alg: 'Ed25519', spki: spkiOf(a) },
        message,
        Buffer.concat([fromHex(r), zero]),
        false,
      );
  for (const [name, hex] of foreign) {
    add(
      `Ed25519: a key, ${name}`,
      { alg: 'Ed25519', spki: spkiOf(hex) },
      message,
      Buffer.concat([fromHex(small[0]), zero]),
      false,
    );
    add(
      `Ed25519: R, ${name}`,
      key,
      message,
      Buffer.concat([fromHex(hex), good.subarray(32)]),
      false,
    );
  }
  for (const [name, value] of [
    ['S = 0', 0n],
    ['S = L', L],
    ['S = L + 1', L + 1n],
    ['S = 2²⁵⁶ − 1', 2n ** 256n - 1n],
  ])
    add(
      `Ed25519: ${name}`,
      key,
      message,
      Buffer.concat([good.subarray(0, 32), bytes32(value).reverse()]),
      false,
    );
}

/** What devices sign, as bytes: each kind of message begins with a tag of its own. */
function messagesOf(keyId) {
  const origin = 'example.org/energy-log';
  const tagged = (tag, ...lines) => utf8([tag, ...lines].join('\n'));
  return {
    reading: tagged('wattproof/reading/v1', 'reading/1', keyId, '{"meter":"meter-1"}'),
    batch: Buffer.concat([
      utf8(`wattproof/reading-batch/v1\n${keyId}\n`),
      Buffer.of(0, 0, 0, 1),
      digest(utf8('root')),
    ]),
    register: tagged('wattproof/register/v1', origin, 'meter-1', keyId, '0f'.repeat(16)),
    rotate: tagged(
      'wattproof/rotate/v1',
      origin,
      'meter-1',
      keyId,
      '0123456789abcdef',
      '0f'.repeat(16),
    ),
    recover: tagged('wattproof/recover/v1', origin, 'meter-1', keyId, '0f'.repeat(16)),
    connect: tagged('wattproof/connect/v1', origin, keyId, `1750000000000.${'0f'.repeat(16)}`),
    answer: Buffer.concat([
      tagged('wattproof/command-answer/v1', origin, 'meter-1', 'cmd_1', '0f'.repeat(16)),
      utf8('\n'),
      digest(utf8('{}')),
    ]),
    'another gateway': tagged(
      'wattproof/register/v1',
      'other.example/log',
      'meter-1',
      keyId,
      '0f'.repeat(16),
    ),
    'another meter': tagged('wattproof/register/v1', origin, 'meter-2', keyId, '0f'.repeat(16)),
  };
}

/** A signature made for one purpose is worth nothing for another. */
function domainCases(add) {
  for (const alg of ['Ed25519', 'ES256', 'ES256K']) {
    const key = signerOf(alg, 'domain');
    const messages = messagesOf(key.keyId);
    for (const [made, from] of Object.entries(messages))
      for (const [shown, to] of Object.entries(messages))
        add(
          `${alg}: signed as ${made}, shown as ${shown}`,
          key,
          to,
          key.sign(from),
          made === shown,
        );
    const untagged = utf8('{"meter":"meter-1"}');
    add(
      `${alg}: signed without its tag, shown as reading`,
      key,
      messages.reading,
      key.sign(untagged),
      false,
    );
  }
}

/** One device's signature under another's key, and one algorithm's under another's. */
function deviceCases(add) {
  const algorithms = ['Ed25519', 'ES256', 'ES256K'];
  for (const alg of algorithms) {
    const [mine, other] = [signerOf(alg, 'mine'), signerOf(alg, 'other')];
    const [own, foreign] = [messagesOf(mine.keyId).reading, messagesOf(other.keyId).reading];
    add(`${alg}: replayed under the key of another device`, other, own, mine.sign(own), false);
    add(`${alg}: replayed with the id of another device`, mine, foreign, mine.sign(own), false);
    add(
      `${alg}: replayed with the key and id of another device`,
      other,
      foreign,
      mine.sign(own),
      false,
    );
    add(`${alg}: its own`, mine, own, mine.sign(own), true);
    for (const swapped of algorithms.filter((one) => one !== alg)) {
      const as = signerOf(swapped, 'mine');
      add(
        `${alg}: shown under the ${swapped} key of the same device`,
        as,
        own,
        mine.sign(own),
        false,
      );
    }
  }
}

/** Keys that are asked to be registered: `null`, or the code they are refused with. */
export function registrationCases() {
  const cases = [];
  const add = (name, alg, spki, code) =>
    cases.push({ name, alg, public_key: Buffer.from(spki).toString('base64'), code });
  const ed = new Ed25519Signer('registered');
  add('Ed25519', 'Ed25519', ed.spki, null);
  add('Ed25519, 32 raw bytes', 'Ed25519', ed.spki.subarray(12), 'public_key_invalid');
  add(
    'Ed25519, a byte more',
    'Ed25519',
    Buffer.concat([ed.spki, Buffer.of(0)]),
    'public_key_invalid',
  );
  add('Ed25519, a byte less', 'Ed25519', ed.spki.subarray(0, 43), 'public_key_invalid');
  add('no bytes', 'Ed25519', Buffer.alloc(0), 'public_key_invalid');
  const x25519 = Buffer.from(ed.spki);
  x25519[8] = 0x6e;
  add('X25519', 'Ed25519', x25519, 'public_key_invalid');
  for (const [name, hex] of [
    ['the identity', '01'.padEnd(64, '0')],
    ['of order 4', '00'.repeat(32)],
    ['of order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['not canonical', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['no point', '02'.padEnd(64, '0')],
  ])
    add(`Ed25519, ${name}`, 'Ed25519', fromHex(ED25519_HEAD + hex), 'key_not_prime_order');
  for (const name of ['RS256', 'ES384', 'none', 'ed25519', ''])
    add(`called ${JSON.stringify(name)}`, name, ed.spki, 'alg_not_allowed');

  for (const alg of ['ES256', 'ES256K']) {
    const key = new EcdsaSigner(alg, 'registered');
    const other = alg === 'ES256' ? 'ES256K' : 'ES256';
    const { head, p, name } = CURVES[alg];
    const spki = (bits) => {
      const all = Buffer.concat([fromHex(head), bits]);
      // The two lengths of the DER: of the whole, and of the bit string.
      all[1] += bits.length - 65;
      all[fromHex(head).length - 2] += bits.length - 65;
      return all;
    };
    const form = (which) => ECDH.convertKey(key.point, name, undefined, undefined, which);
    const off = Buffer.from(key.point);
    off[64] ^= 1;
    const infinity = Buffer.concat([Buffer.of(4), Buffer.alloc(64)]);
    const tooLarge = Buffer.concat([Buffer.of(4), bytes32(p), key.point.subarray(33)]);
    const x = number(key.point.subarray(1, 33));
    const negated = Buffer.concat([
      key.point.subarray(0, 33),
      bytes32(p - number(key.point.subarray(33))),
    ]);
    /** @type {[string, Buffer, string | null][]} */
    const forms = [
      ['', key.spki, null],
      [', the other point of the same x', spki(negated), null],
      [', compressed', spki(form('compressed')), 'public_key_invalid'],
      [', hybrid', spki(form('hybrid')), 'public_key_invalid'],
      [', the point alone', key.point, 'public_key_invalid'],
      [', a byte more', Buffer.concat([key.spki, Buffer.of(0)]), 'public_key_invalid'],
      [', a byte less', key.spki.subarray(0, key.spki.length - 1), 'public_key_invalid'],
      [', the identity as one byte', spki(Buffer.of(0)), 'public_key_invalid'],
      [', the identity as zeros', spki(infinity), 'key_not_on_curve'],
      [', off the curve', spki(off), 'key_not_on_curve'],
      [', x = p', spki(tooLarge), 'key_not_on_curve'],
      [
        ', x and y exchanged',
        spki(Buffer.concat([Buffer.of(4), key.point.subarray(33), bytes32(x)])),
        'key_not_on_curve',
      ],
      [
        `, its point under the curve of ${other}`,
        Buffer.concat([fromHex(CURVES[other].head), key.point]),
        'public_key_invalid',
      ],
    ];
    for (const [what, bytes, code] of forms) add(`${alg}${what}`, alg, bytes, code);
    add(`${alg}, called ${other}`, other, key.spki, 'public_key_invalid');
    add(
      `${alg}, its point under the curve of ${other} and called so`,
      other,
      Buffer.concat([fromHex(CURVES[other].head), key.point]),
      'key_not_on_curve',
    );
    add(`${alg}, called Ed25519`, 'Ed25519', key.spki, 'public_key_invalid');
  }
  return cases;
}
