// Proofs that ledgers' own worlds know: OpenTimestamps, SPV on Bitcoin, BUMP and BEEF.
import { createHash } from 'node:crypto';
import { isUnknownGroup } from './about-the-file.mjs';
import { beefOf } from './beef.mjs';
import { bumpJson, bumpOf, bumpRoot, offsetOf } from './bump.mjs';
import { spvRefusal } from './spv-refusals.mjs';

const hexOf = (bytes) => Buffer.from(bytes).toString('hex');
const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));
const internal = (hex) => bytesOf(hex).reverse();

/** The runner of this family, over what `@wattproof/anchor-bitcoin/verify` exports. */
export function anchorProofs(product) {
  const groups = [
    ['brc74', bumpCases],
    ['brc62', beefCases],
    ['opentimestamps', (group) => otsCases(group, product)],
    ['bitcoin_spv', (group) => spvCases(group, product)],
  ];
  return function* run(file) {
    for (const [name, value] of Object.entries(file)) {
      const cases = groups.find(([begin]) => name.startsWith(begin))?.[1];
      if (cases === undefined && !isUnknownGroup(name, value, [])) continue;
      if (cases === undefined) {
        yield { name, ok: false, detail: 'this family has no group of this name' };
        continue;
      }
      for (const [index, group] of (Array.isArray(value) ? value : [value]).entries()) {
        try {
          for (const result of cases(group))
            yield { ...result, name: `${name} ${index}: ${result.name}` };
        } catch (error) {
          yield {
            name: `${name} ${index}`,
            ok: false,
            detail: `could not be evaluated: ${String(error)}`,
          };
        }
      }
    }
  };
}

function compare(name, expected, compute) {
  let got;
  try {
    got = JSON.stringify(compute());
  } catch (error) {
    return { name, ok: false, detail: `threw ${String(error)}` };
  }
  if (expected === undefined) return { name, ok: false, detail: 'the case has no expected value' };
  const wanted = JSON.stringify(expected);
  return got === wanted
    ? { name, ok: true }
    : { name, ok: false, detail: `expected ${wanted}, got ${got}` };
}

/** The product refuses with errors that have a code; another error means that nothing was evaluated. */
function refuses(name, call) {
  try {
    return { name, ok: false, detail: `was accepted: ${JSON.stringify(call())?.slice(0, 200)}` };
  } catch (error) {
    if (typeof error?.code === 'string') return { name, ok: true };
    return { name, ok: false, detail: `was not evaluated: ${String(error)}` };
  }
}

function* bumpCases({
  hex,
  json,
  block_height: height,
  txids,
  merkle_root: root,
  negative,
  must_reject: rejected,
}) {
  yield compare('height', height, () => bumpOf(hex).blockHeight);
  if (json !== undefined)
    yield compare('json', canonical(json), () => canonical(bumpJson(bumpOf(hex))));
  for (const { offset, txid } of txids ?? []) {
    yield compare(`offset of ${txid}`, offset, () => offsetOf(bumpOf(hex), txid));
    yield compare(`root of ${txid}`, root, () => bumpRoot(bumpOf(hex), txid));
  }
  for (const bad of [negative, ...(rejected ?? [])].filter((one) => one !== undefined))
    yield rejects(bad.why ?? 'must be rejected', () => {
      const bump = bumpOf(bad.hex);
      return (txids ?? []).every(({ txid }) => bumpRoot(bump, txid) === root);
    });
}

/** Refused in reading, or found not to prove what it should. */
function rejects(name, proves) {
  try {
    return proves() ? { name, ok: false, detail: 'was accepted' } : { name, ok: true };
  } catch (error) {
    return typeof error?.code === 'string'
      ? { name, ok: true }
      : { name, ok: false, detail: `was not evaluated: ${String(error)}` };
  }
}

/** Leaves in the order of their offsets, members in one order. */
function canonical({ blockHeight, path }) {
  const leaf = ({ offset, txid, hash, duplicate }) => [
    offset,
    txid ?? false,
    hash ?? null,
    duplicate ?? false,
  ];
  return [blockHeight, path.map((leaves) => leaves.map(leaf).sort(([a], [b]) => a - b))];
}

function* beefCases({ hex, transactions, negative, must_reject: rejected }) {
  yield compare('count', transactions?.length, () => beefOf(hex).length);
  for (const [index, wanted] of (transactions ?? []).entries())
    for (const [member, value] of Object.entries(wanted))
      yield compare(
        `transaction ${index}: ${member}`,
        value,
        () => beefOf(hex)[index]?.[member] ?? null,
      );
  for (const bad of [negative, ...(rejected ?? [])].filter((one) => one !== undefined))
    yield rejects(bad.why ?? 'must be rejected', () => {
      const got = beefOf(bad.hex);
      return (transactions ?? []).every(({ txid, merkle_root: root }) =>
        got.some((one) => one.txid === txid && one.merkle_root === root),
      );
    });
}

function* otsCases({ cases, must_reject: rejected }, { readOts, writeOts, attestationsOf }) {
  for (const one of cases ?? []) {
    const { name, file_hex: file, ots_hex: ots, file_hash_op: hash, digest, attestations } = one;
    const read = () => readOts(bytesOf(ots));
    yield compare(`${name}: hash`, hash, () => read().hash);
    yield compare(`${name}: digest`, digest, () => hexOf(read().timestamp.message));
    if (file !== undefined)
      yield compare(`${name}: the file's own digest`, one.digest_matches_file ?? true, () => {
        const known = { sha256: 'sha256', sha1: 'sha1', ripemd160: 'ripemd160' }[read().hash];
        return (
          createHash(known).update(bytesOf(file)).digest('hex') === hexOf(read().timestamp.message)
        );
      });
    yield compare(`${name}: attestations`, (attestations ?? []).map(wantedAttestation).sort(), () =>
      [...attestationsOf(read().timestamp)].map(gotAttestation).sort(),
    );
    yield compare(`${name}: written again`, ots, () => hexOf(writeOts(read())));
  }
  for (const { why, ots_hex: ots } of rejected ?? [])
    yield refuses(why, () => readOts(bytesOf(ots)));
}

function wantedAttestation({ kind, commitment, height, uri, merkle_root: root }) {
  return JSON.stringify([kind, commitment, height ?? null, uri ?? null, root ?? null]);
}

function gotAttestation({ attestation, message }) {
  const { kind, height, uri, tag } = attestation;
  const name = kind === 'unknown' ? `unknown:${tag}` : kind;
  const root = kind === 'bitcoin' ? hexOf(message.slice().reverse()) : null;
  return JSON.stringify([name, hexOf(message), height ?? null, uri ?? null, root]);
}

/** The branch of a transaction in the tree of a whole block, in that system's own words: the last node stands for a missing one. */
function branchAmong(leaves, index) {
  const twice = (bytes) =>
    createHash('sha256').update(createHash('sha256').update(bytes).digest()).digest();
  const branch = [];
  let level = leaves;
  for (let at = index; level.length > 1; at >>= 1) {
    branch.push(Uint8Array.from(level[at ^ 1] ?? level.at(-1)));
    level = level.flatMap((left, i) =>
      i % 2 === 0 ? [twice(Buffer.concat([left, level[i + 1] ?? left]))] : [],
    );
  }
  return { branch, depth: branch.length };
}

function* spvCases(group, product) {
  const { header_hex: header, block_hash: hash, bits, txids, merkle_root: root, branches } = group;
  const { readHeader, branchRoot } = product;
  const read = () => readHeader(bytesOf(header));
  yield compare('block hash', hash, () => read().hash);
  yield compare('root in the header', root, () => hexOf(read().merkleRoot.slice().reverse()));
  yield compare('proof of work', true, () => read().workDone);
  if (bits !== undefined) yield compare('bits', bits, () => read().bits);
  for (const [index, txid] of (txids ?? []).entries())
    yield compare(`transaction ${index} of the block`, root, () => {
      const claim = { leaf: internal(txid), index, ...branchAmong(txids.map(internal), index) };
      return hexOf((branchRoot(claim).root ?? new Uint8Array()).slice().reverse());
    });
  for (const { txid, index, branch_display_order: branch } of branches ?? []) {
    const claim = {
      leaf: internal(txid),
      index,
      depth: Math.ceil(Math.log2(txids.length)),
      branch: branch.map(internal),
    };
    yield compare(`branch ${index}`, root, () =>
      hexOf((branchRoot(claim).root ?? new Uint8Array()).slice().reverse()),
    );
  }
  for (const reason of group.must_reject ?? []) {
    const refused = spvRefusal(typeof reason === 'string' ? reason : reason.why, group, product);
    yield refused === undefined
      ? { name: String(reason), ok: false, detail: 'these words say nothing that is known here' }
      : { name: String(reason), ok: refused(), ...(refused() ? {} : { detail: 'was accepted' }) };
  }
}
