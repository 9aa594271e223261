// Writes vectors/{device-signing,batch-log,commitment,receipt,bundle}.json. Everything follows from fixed seeds: run twice, same bytes.
// Signatures are made by node:crypto, independent of the code they test. Needs a build.
import { createHash, createPrivateKey, createPublicKey, sign as cryptoSign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import * as v from '../packages/core/dist/verify/index.js';
import { Point } from '../packages/core/node_modules/@noble/ed25519/index.js';
import { registrationCases, signatureCases } from './device-signature-cases.mjs';

const ORIGIN = 'example.org/energy-log';
const hex = v.toHex;
const seed = (n) => new Uint8Array(32).fill(n);
const fill = (text, length = 32) =>
  new Uint8Array(createHash('sha512').update(text).digest().subarray(0, length));

function keyPair(n) {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed(n)]);
  const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const spki = new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' }));
  return { secret, spki, raw: spki.slice(12), id: v.keyIdOf(spki), seed: hex(seed(n)) };
}
const sign = (pair, message) => new Uint8Array(cryptoSign(null, message, pair.secret));
const write = (name, file) =>
  writeFileSync(
    new URL(`../vectors/${name}.json`, import.meta.url),
    `${JSON.stringify(file, null, 1)}\n`,
  );

const device = keyPair(7);
const log = keyPair(17);
const oldLog = keyPair(16);
const receipts = keyPair(18);

// ---- device-signing
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const le = (value) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const num = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
const sha512 = (...parts) =>
  new Uint8Array(
    createHash('sha512')
      .update(v.concat(...parts))
      .digest(),
  );
function edwardsCases() {
  const message = v.utf8('edge');
  const good = sign(device, message);
  const cases = [];
  const add = (name, publicKey, signature, valid, msg = message) =>
    cases.push({
      name,
      public_key: hex(publicKey),
      message: hex(msg),
      signature: hex(signature),
      valid,
    });
  add('plain signature', device.raw, good, true);
  const s = num(good.slice(32));
  add('S + L (malleable)', device.raw, v.concat(good.slice(0, 32), le(s + L)), false);
  add('S = L', device.raw, v.concat(good.slice(0, 32), le(L)), false);
  add(
    'bit flip in R',
    device.raw,
    Uint8Array.from(good, (b, i) => (i === 3 ? b ^ 1 : b)),
    false,
  );
  add('bit flip in the message', device.raw, good, false, v.utf8('edgf'));
  add('signature too short', device.raw, good.slice(0, 63), false);
  const identity = le(1n);
  // A = identity, S = r, R = r·B: the equation holds for every message.
  const r = num(fill('r')) % L;
  const bigR = Point.BASE.multiply(r).toBytes();
  add('A is the identity (small order)', identity, v.concat(bigR, le(r)), false);
  add(
    'A of order 8',
    v.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    v.concat(bigR, le(r)),
    false,
  );
  add('A not canonical (y = p + 1)', le(2n ** 255n - 19n + 1n), v.concat(bigR, le(r)), false);
  const a = num(fill('a')) % L;
  const A = Point.BASE.multiply(a);
  // R = identity: S = k·a. Canonical and of small order; the rule bars small order for A only.
  const k0 = num(sha512(identity, A.toBytes(), message)) % L;
  add('R is the identity, equation holds', A.toBytes(), v.concat(identity, le((k0 * a) % L)), true);
  const minusZero = v.concat(identity.slice(0, 31), Uint8Array.of(0x80));
  const k1 = num(sha512(minusZero, A.toBytes(), message)) % L;
  add('R not canonical (−0)', A.toBytes(), v.concat(minusZero, le((k1 * a) % L)), false);
  const pPlus1 = le(2n ** 255n - 19n + 1n);
  const k2 = num(sha512(pPlus1, A.toBytes(), message)) % L;
  add('R not canonical (y = p + 1)', A.toBytes(), v.concat(pPlus1, le((k2 * a) % L)), false);
  // Mixed order A' = A + T8: cofactored checks accept every such signature, cofactorless only when 8 | k.
  const T8 = Point.fromBytes(
    v.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
  );
  const mixed = A.add(T8);
  let hit = { divisible: undefined, other: undefined };
  for (let i = 0; (hit.divisible === undefined || hit.other === undefined) && i < 500; i += 1) {
    const msg = v.utf8(`mixed ${i}`);
    const k = num(sha512(bigR, mixed.toBytes(), msg)) % L;
    const signature = v.concat(bigR, le((r + k * a) % L));
    if (k % 8n === 0n) hit.divisible ??= { msg, signature };
    else hit.other ??= { msg, signature };
  }
  add(
    'A of mixed order, cofactored only',
    mixed.toBytes(),
    hit.other.signature,
    false,
    hit.other.msg,
  );
  add(
    'A of mixed order, cofactorless too',
    mixed.toBytes(),
    hit.divisible.signature,
    true,
    hit.divisible.msg,
  );
  return {
    cases,
    registrable: [
      { name: 'prime order', public_key: hex(A.toBytes()), ok: true },
      { name: 'mixed order', public_key: hex(mixed.toBytes()), ok: false },
      { name: 'identity', public_key: hex(identity), ok: false },
      { name: 'not on the curve', public_key: hex(le(2n)), ok: false },
    ],
  };
}

const canonicalBytes = v.utf8('{"any":"canonical bytes"}');
const items = Array.from({ length: 5 }, (_, i) => v.utf8(`{"item":${i}}`));
const batchNonce = fill('batch nonce');
const itemLeaves = items.map((bytes, i) =>
  v.batchItemLeaf(v.batchItemNonce(batchNonce, i), v.logHash(bytes)),
);
const itemRoot = v.merkleRoot('rfc9162', itemLeaves);
const message = v.readingMessage('reading/1', device.id, canonicalBytes);
const batchMsg = v.batchMessage(device.id, items.length, itemRoot);
const registration = v.registerMessage(ORIGIN, 'meter-1', device.id, 'bm9uY2U=');
const newKey = keyPair(8);
const rotation = v.rotateMessage(ORIGIN, 'meter-1', device.id, newKey.id, 'bm9uY2U=');
const challenge = `1750000000000.${'0f'.repeat(16)}`;
const connection = v.connectMessage(ORIGIN, device.id, challenge);
const answerBody = v.utf8('{"status":"locked","until":1750000900000}');
const answerNonce = '0f'.repeat(16);
const answer = v.commandAnswerMessage(
  ORIGIN,
  'meter-1',
  'cmd_1',
  answerNonce,
  v.sha256(answerBody),
);
const recovery = v.recoverMessage(ORIGIN, 'meter-1', device.id, 'bm9uY2U=');
write('device-signing', {
  source: 'scripts/generate-vectors.mjs; signatures by node:crypto from fixed seeds',
  key: { seed: device.seed, spki: v.toBase64(device.spki), key_id: device.id },
  reading: {
    format: 'reading/1',
    canonical: hex(canonicalBytes),
    message: hex(message),
    signature: v.toBase64(sign(device, message)),
  },
  batch: {
    batch_nonce: hex(batchNonce),
    items: items.map(hex),
    nonces: items.map((_, i) => hex(v.batchItemNonce(batchNonce, i))),
    leaves: itemLeaves.map(hex),
    root: hex(itemRoot),
    message: hex(batchMsg),
    signature: v.toBase64(sign(device, batchMsg)),
    paths: items.map((_, i) => v.inclusionProof('rfc9162', itemLeaves, i).map(hex)),
  },
  register: {
    origin: ORIGIN,
    meter_id: 'meter-1',
    nonce: 'bm9uY2U=',
    message: hex(registration),
    signature: v.toBase64(sign(device, registration)),
  },
  rotate: {
    origin: ORIGIN,
    meter_id: 'meter-1',
    new_key_id: newKey.id,
    nonce: 'bm9uY2U=',
    message: hex(rotation),
  },
  recover: {
    origin: ORIGIN,
    meter_id: 'meter-1',
    nonce: 'bm9uY2U=',
    message: hex(recovery),
    signature: v.toBase64(sign(device, recovery)),
  },
  answer: {
    origin: ORIGIN,
    meter_id: 'meter-1',
    command_id: 'cmd_1',
    nonce: answerNonce,
    body: hex(answerBody),
    message: hex(answer),
    signature: v.toBase64(sign(device, answer)),
  },
  connect: {
    origin: ORIGIN,
    challenge,
    message: hex(connection),
    signature: v.toBase64(sign(device, connection)),
  },
  bad_fields: [
    { format: 'reading/1\nx', key_id: device.id },
    { format: '', key_id: device.id },
    { format: 'reading/1', key_id: 'ABCDEF0123456789' },
  ],
  bad_base64: ['AAA', 'AAA=\n', 'AB==', 'A===', 'AA-_', ' AAAA'],
  ed25519: edwardsCases(),
  signatures: signatureCases(),
  registrations: registrationCases(),
});

// ---- batch-log and commitment
const roots = Array.from({ length: 7 }, (_, i) => fill(`batch root ${i}`));
let frontier = { size: 0, hashes: [] };
let prev = v.NO_PREVIOUS_LEAF;
let first = 0;
const batches = [];
const logLeaves = [];
for (const [i, root] of roots.entries()) {
  const batch = {
    count: i + 1,
    first,
    origin: ORIGIN,
    prev,
    profile: i % 2 ? 'kwh-btc-iot' : 'rfc9162',
    sealedAtMs: 1_790_000_000_000 + i * 600_000,
  };
  const done = v.appendBatch(frontier, { ...batch, root });
  batches.push({
    ...batch,
    prev: hex(prev),
    number: i,
    root: hex(root),
    metadata: v.fromUtf8(done.metadata),
    leaf: hex(done.leaf),
    log_root: hex(done.root),
  });
  logLeaves.push(done.leaf);
  frontier = done.frontier;
  prev = done.leaf;
  first += batch.count;
}
const M = batches[1].metadata;
write('batch-log', {
  source: 'scripts/generate-vectors.mjs',
  batches,
  consistency: [
    [1, 7],
    [3, 7],
    [4, 6],
    [6, 7],
    [7, 7],
  ].map(([from, to]) => ({ from, to, path: v.consistencyProof(logLeaves, from, to).map(hex) })),
  refused_metadata: [
    M.replace('"count":2', '"count":2.0'),
    M.replace('"count":2', '"count": 2'),
    M.replace('"count":2', '"count":0'),
    M.replace(',"v":', ',"x":1,"v":'),
    M.replace('wattproof.batch/1', 'wattproof.batch/2'),
    M.replace('kwh-btc-iot', 'other'),
    M.replace('.000Z', 'Z'),
    M.replace('Z"', '+00:00"'),
    M.replace('"number":1,', ''),
    `${M} `,
    M.replace('"first":1', '"first":-1'),
    M.replace(/"prev":"(.)/, '"prev":"$1$1'),
    M.replace(ORIGIN, 'a b'),
  ],
});
write('commitment', {
  source: 'scripts/generate-vectors.mjs',
  rule: 'SHA-256("wattproof/checkpoint/v1" || SHA-256(origin) || uint64be(size) || root)',
  cases: [
    [ORIGIN, '1'],
    [ORIGIN, '7'],
    ['example.org/energy-log/2', '7'],
    [ORIGIN, '9007199254740991'],
    [ORIGIN, '18446744073709551615'],
  ].map(([origin, size]) => ({
    origin,
    size,
    root: hex(roots[0]),
    digest: createHash('sha256')
      .update('wattproof/checkpoint/v1')
      .update(createHash('sha256').update(origin).digest())
      .update(Buffer.from(BigInt(size).toString(16).padStart(16, '0'), 'hex'))
      .update(roots[0])
      .digest('hex'),
  })),
  refused: [
    { origin: '', size: '1', root: hex(roots[0]) },
    { origin: 'a b', size: '1', root: hex(roots[0]) },
    { origin: ORIGIN, size: '-1', root: hex(roots[0]) },
    { origin: ORIGIN, size: '18446744073709551616', root: hex(roots[0]) },
    { origin: ORIGIN, size: '1', root: 'aa' },
  ],
});

// ---- one mutant per member: a value of the same kind, but another
function mutate(value, path) {
  if (path.length === 0) return another(value);
  const [key, ...rest] = path;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[key] = mutate(copy[key], rest);
  return copy;
}
function another(value) {
  if (typeof value === 'number') return value + 1;
  if (Array.isArray(value)) return [...value, 'aa'.repeat(32)];
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return new Date(Date.parse(value) + 1).toISOString();
  const at = Math.floor(value.length / 2);
  const other =
    value[at] === '0' ? '1' : /[1-9]/.test(value[at]) ? '0' : value[at] === 'a' ? 'b' : 'a';
  return value.slice(0, at) + other + value.slice(at + 1);
}
function paths(value, at = []) {
  if (typeof value !== 'object') return [at];
  const own = Object.keys(value).flatMap((key) =>
    paths(value[key], [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return Array.isArray(value) && at.at(-1) !== 'log_keys' && at.at(-1) !== 'evidence'
    ? [at, ...own]
    : own;
}

// ---- receipt
const receiptKey = v.noteKey(`${ORIGIN}/receipts`, receipts.raw);

const entry = JSON.stringify({
  at: '2026-09-21T14:13:20.000Z',
  action: 'meter.approved',
  actor: 'operator:1',
  subject: 'meter-1',
  v: 'audit/1',
});
const entryBytes = v.canonicalize('audit/1', entry);
const entryHash = v.logHash(entryBytes);
const claims = Array.from({ length: 3 }, (_, i) => ({
  origin: ORIGIN,
  entryId: `log_${hex(fill(`entry ${i}`, 16))}`,
  logHash: i === 1 ? entryHash : fill(`other ${i}`),
  verdict: 'accepted',
  rules: hex(fill('rules', 8)),
  committedAtMs: 1_790_000_000_000,
  includeByMs: 1_790_086_400_000,
  durability: 'process',
}));
const receiptLeaves = claims.map((claim) => v.receiptLeaf(claim));
const receiptSignature = sign(
  receipts,
  v.receiptsMessage(ORIGIN, v.merkleRoot('rfc9162', receiptLeaves)),
);
const receipt = v.receiptOfGroup(claims[1], 1, receiptLeaves, receiptKey, receiptSignature);
const receiptDocument = v.receiptJson(receipt);
// `size` 3 → 4 keeps the path of receipt 1; the signature covers the root, which does not speak of sizes.
const receiptMutants = paths(receiptDocument).filter((p) => p.join('.') !== 'path.size');
write('receipt', {
  source: 'scripts/generate-vectors.mjs',
  leaves: receiptLeaves.map(hex),
  receipt: receiptDocument,
  text: v.canonicalJson(receiptDocument),
  keys: [v.formatVkey(receiptKey)],
  mutants: receiptMutants.map((path) => ({
    member: path.join('.'),
    receipt: mutate(receiptDocument, path),
  })),
});

// ---- bundle
const note = (text, pair, name = ORIGIN) => {
  const key = v.noteKey(name, pair.raw);
  return v.formatNote({
    text,
    signatures: [{ name, id: key.id, value: sign(pair, v.utf8(text)) }],
  });
};
const salt = fill('salt', 16);
const entryLeaves = Array.from({ length: 6 }, (_, i) =>
  i === 3 ? v.leafHash('rfc9162', entryHash, salt) : fill(`leaf ${i}`),
);
const batchRoot = v.merkleRoot('rfc9162', entryLeaves);
const sealed = v.appendBatch(
  {
    size: 5,
    hashes: v.appendToFrontier(
      { size: 4, hashes: [v.merkleRoot('rfc9162', logLeaves.slice(0, 4))] },
      logLeaves[4],
    ).hashes,
  },
  {
    count: 6,
    first: 15,
    origin: ORIGIN,
    prev: logLeaves[4],
    profile: 'rfc9162',
    sealedAtMs: 1_790_000_600_000,
    root: batchRoot,
  },
);
const allLeaves = [...logLeaves.slice(0, 5), sealed.leaf, fill('later 6'), fill('later 7')];
const place = (size) => ({
  size,
  root: v.merkleRoot('rfc9162', allLeaves.slice(0, size)),
  path: v.inclusionProof('rfc9162', allLeaves.slice(0, size), 5),
});
const checkpointPlace = place(7);
const commitment = v.commitmentDigest(ORIGIN, 8, place(8).root);
const announce = (role, name, pair, by) =>
  note(
    v.logKeyText(
      v.canonicalize(
        'log-key/1',
        JSON.stringify({
          v: 'log-key/1',
          origin: ORIGIN,
          role,
          vkey: v.formatVkey(v.noteKey(name, pair.raw)),
          announced_at: '2026-09-21T00:00:00.000Z',
        }),
      ),
    ),
    by,
  );
const batchedLeaves = Array.from({ length: 3 }, (_, i) =>
  i === 1 ? v.batchItemLeaf(v.batchItemNonce(batchNonce, 1), entryHash) : fill(`batched ${i}`),
);
const bundle = {
  entry: { format: 'audit/1', bytes: entryBytes, salt },
  signature: {
    alg: 'Ed25519',
    keyId: device.id,
    publicKey: device.spki,
    value: sign(device, v.readingMessage('audit/1', device.id, entryBytes)),
  },
  inclusion: {
    profile: 'rfc9162',
    index: 3,
    size: 6,
    path: v.inclusionProof('rfc9162', entryLeaves, 3),
    root: batchRoot,
  },
  batch: sealed.metadata,
  log: checkpointPlace,
  checkpoint: note(v.checkpointText({ origin: ORIGIN, size: 7, root: checkpointPlace.root }), log),
  logKey: v.formatVkey(v.noteKey(ORIGIN, log.raw)),
  logKeys: [
    announce('checkpoint', ORIGIN, log, oldLog),
    announce('receipts', `${ORIGIN}/receipts`, receipts, log),
  ],
  evidence: [
    {
      log: place(8),
      evidence: {
        type: 'vector-digest/1',
        anchor: 'vector',
        ledger: `vector:${ORIGIN}`,
        trust: 'witness',
        body: { digest: hex(commitment) },
      },
    },
  ],
  receipt,
};
const batched = {
  ...bundle,
  signature: {
    ...bundle.signature,
    value: sign(device, v.batchMessage(device.id, 3, v.merkleRoot('rfc9162', batchedLeaves))),
    batch: {
      nonce: v.batchItemNonce(batchNonce, 1),
      index: 1,
      count: 3,
      path: v.inclusionProof('rfc9162', batchedLeaves, 1),
    },
  },
};
const full = JSON.parse(v.bundleText(bundle));
const fullBatched = JSON.parse(v.bundleText(batched));
// A receipt's signature covers the root, which does not speak of sizes; evidence of another type is evidence nobody here can check.
const UNBOUND = ['receipt.path.size', 'evidence.0.type'];
const mutants = (whole, only = '') =>
  paths(whole)
    .filter((p) => p.join('.').startsWith(only) && !UNBOUND.includes(p.join('.')))
    .map((path) => ({ member: path.join('.'), bundle: mutate(whole, path) }));
write('bundle', {
  source: 'scripts/generate-vectors.mjs',
  evidence_rule:
    'vector-digest/1 is valid when body.digest is the hex commitment digest, anchor is "vector", ledger is "vector:" and the origin, trust is "witness"; it reaches witness',
  keys: [v.formatVkey(v.noteKey(ORIGIN, oldLog.raw))],
  valid: [
    { name: 'signed alone', bundle: full, text: v.bundleText(bundle), level: 'witness' },
    {
      name: 'signed in a batch',
      bundle: fullBatched,
      text: v.bundleText(batched),
      level: 'witness',
    },
  ],
  mutants: [...mutants(full), ...mutants(fullBatched, 'signature.batch')],
  shapes: [
    { name: 'an unknown member', bundle: { ...full, extra: 1 } },
    { name: 'an unknown member inside', bundle: { ...full, log: { ...full.log, extra: 1 } } },
    ...Object.keys(full)
      .filter((key) => key !== 'receipt' && key !== 'signature')
      .map((key) => ({
        name: `without ${key}`,
        bundle: Object.fromEntries(Object.entries(full).filter(([k]) => k !== key)),
      })),
  ],
});
