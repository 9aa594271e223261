// BEEF, transactions with what proves them (BRC-62), read strictly.
import { BrcError, BrcReader, bumpRoot, doubleSha256, offsetOf, readBump, shown } from './bump.mjs';

const VERSION = '0100beef';

/**
 * Every transaction with the index of its BUMP, or null. Throws when one has neither a path nor all its parents before it.
 */
export function beefOf(hex) {
  if (!/^([0-9a-f]{2})+$/i.test(hex)) throw new BrcError('not hex');
  const reader = new BrcReader(Buffer.from(hex, 'hex'));
  const version = reader.take(4).toString('hex');
  if (version !== VERSION) throw new BrcError(`version ${version}`);
  const bumps = Array.from({ length: limited(reader.varint()) }, () => readBump(reader));
  const transactions = [];
  const known = new Set();
  const count = limited(reader.varint());
  if (count === 0) throw new BrcError('no transaction');
  for (let i = 0; i < count; i += 1) {
    const { raw, parents } = readRawTransaction(reader);
    const txid = shown(doubleSha256(raw));
    const flag = reader.byte();
    if (flag > 1) throw new BrcError(`flag ${flag} behind ${txid}`);
    const bumpIndex = flag === 1 ? reader.varint() : null;
    if (known.has(txid)) throw new BrcError(`${txid} twice`);
    if (bumpIndex === null) {
      const unknown = parents.find((parent) => !known.has(parent));
      if (unknown !== undefined)
        throw new BrcError(`${txid} spends ${unknown}, which is not before it`);
    } else {
      if (bumps[bumpIndex] === undefined) throw new BrcError(`no path ${bumpIndex}`);
      // A 64-byte transaction can be an inner node of the tree (CVE-2017-12842).
      if (raw.length === 64) throw new BrcError('a proven transaction of 64 bytes');
      offsetOf(bumps[bumpIndex], txid);
    }
    known.add(txid);
    transactions.push({
      txid,
      raw: raw.toString('hex'),
      bump_index: bumpIndex,
      ...(bumpIndex === null
        ? {}
        : {
            block_height: bumps[bumpIndex].blockHeight,
            merkle_root: bumpRoot(bumps[bumpIndex], txid),
          }),
    });
  }
  reader.end();
  return transactions;
}

function limited(count) {
  if (count > 10_000) throw new BrcError(`${count} are too many`);
  return count;
}

function readRawTransaction(reader) {
  const start = reader.at;
  reader.take(4);
  const parents = [];
  const inputs = limited(reader.varint());
  if (inputs === 0) throw new BrcError('a transaction without inputs');
  for (let i = 0; i < inputs; i += 1) {
    parents.push(shown(reader.take(32)));
    reader.take(4);
    reader.take(reader.varint());
    reader.take(4);
  }
  const outputs = limited(reader.varint());
  for (let i = 0; i < outputs; i += 1) {
    reader.take(8);
    reader.take(reader.varint());
  }
  reader.take(4);
  return { raw: reader.bytes.subarray(start, reader.at), parents };
}
