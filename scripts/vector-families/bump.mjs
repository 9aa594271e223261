// BUMP, the Merkle path format of BRC-74, read strictly.
import { createHash } from 'node:crypto';

const FLAG_DUPLICATE = 1;
const FLAG_TXID = 2;
const MAX_TREE_HEIGHT = 64;

/** What is not a BUMP, or a BEEF, as its specification writes it. */
export class BrcError extends Error {
  constructor(message) {
    super(message);
    this.name = 'BrcError';
    this.code = 'bad_brc';
  }
}

export function doubleSha256(bytes) {
  return createHash('sha256').update(createHash('sha256').update(bytes).digest()).digest();
}

/** Txids and hashes are shown in reverse. */
export const shown = (bytes) => Buffer.from(bytes).reverse().toString('hex');

export class BrcReader {
  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
    this.at = 0;
  }

  take(length) {
    if (this.at + length > this.bytes.length) throw new BrcError(`cut short at byte ${this.at}`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  byte() {
    return this.take(1)[0];
  }

  /** Bitcoin's CompactSize, shortest form only. */
  varint() {
    const first = this.byte();
    if (first < 0xfd) return first;
    const width = { 0xfd: 2, 0xfe: 4, 0xff: 8 }[first];
    const value = Number(BigInt(`0x${shown(this.take(width))}`));
    if (!Number.isSafeInteger(value) || value < { 2: 0xfd, 4: 2 ** 16, 8: 2 ** 32 }[width])
      throw new BrcError(`number ${value} is not in its shortest form`);
    return value;
  }

  end() {
    if (this.at !== this.bytes.length)
      throw new BrcError(`${this.bytes.length - this.at} bytes are left over`);
  }
}

/** Reads one BUMP from where the reader stands: height, and per level the leaves by offset. */
export function readBump(reader) {
  const blockHeight = reader.varint();
  const treeHeight = reader.byte();
  if (treeHeight > MAX_TREE_HEIGHT) throw new BrcError(`a tree of height ${treeHeight}`);
  const path = [];
  for (let level = 0; level < treeHeight; level += 1) {
    const leaves = new Map();
    const count = reader.varint();
    if (count === 0 && level === 0) throw new BrcError('level 0 is empty');
    for (let i = 0; i < count; i += 1) {
      const offset = reader.varint();
      const flags = reader.byte();
      if ((flags & ~(FLAG_DUPLICATE | FLAG_TXID)) !== 0 || flags === (FLAG_DUPLICATE | FLAG_TXID))
        throw new BrcError(`flags ${flags}`);
      if (offset >= 2 ** (treeHeight - level))
        throw new BrcError(`offset ${offset} at level ${level}`);
      if (leaves.has(offset)) throw new BrcError(`offset ${offset} twice at level ${level}`);
      if (level > 0 && flags === FLAG_TXID) throw new BrcError(`a txid at level ${level}`);
      // A right-hand node without a partner of its own stands for its left neighbour.
      if (flags === FLAG_DUPLICATE && offset % 2 === 0)
        throw new BrcError('a duplicate on the left');
      leaves.set(offset, {
        txid: flags === FLAG_TXID,
        hash: flags === FLAG_DUPLICATE ? undefined : reader.take(32),
      });
    }
    path.push(leaves);
  }
  return { blockHeight, path };
}

export function bumpOf(hex) {
  if (!/^([0-9a-f]{2})+$/i.test(hex)) throw new BrcError('not hex');
  const reader = new BrcReader(Buffer.from(hex, 'hex'));
  const bump = readBump(reader);
  reader.end();
  return bump;
}

/** The offset of a transaction; throws when the path does not hold it. */
export function offsetOf(bump, txid) {
  for (const [offset, { hash }] of bump.path[0] ?? [])
    if (hash !== undefined && shown(hash) === txid) return offset;
  throw new BrcError(`the path does not hold ${txid}`);
}

/** Root (as shown) that the path of one transaction leads to. Throws when a sibling is missing. */
export function bumpRoot(bump, txid) {
  let offset = offsetOf(bump, txid);
  let hash = Buffer.from(txid, 'hex').reverse();
  // A block of one transaction: its id is the root.
  if (bump.path.length === 1 && bump.path[0].size === 1) return shown(hash);
  for (let level = 0; level < bump.path.length; level += 1) {
    const sibling = nodeAt(bump, level, offset % 2 === 0 ? offset + 1 : offset - 1, hash);
    // CVE-2012-2459: a node repeated on the left, or written out where duplication is the rule.
    if (sibling.equals(hash) && !isDuplicate(bump, level, offset + 1))
      throw new BrcError(`a repeated node at level ${level}`);
    hash = doubleSha256(
      offset % 2 === 0 ? Buffer.concat([hash, sibling]) : Buffer.concat([sibling, hash]),
    );
    offset = Math.floor(offset / 2);
  }
  return shown(hash);
}

function isDuplicate(bump, level, offset) {
  const leaf = bump.path[level].get(offset);
  return leaf !== undefined && leaf.hash === undefined;
}

/** A node as written, or made from those below it. */
function nodeAt(bump, level, offset, partner) {
  const leaf = bump.path[level].get(offset);
  if (leaf !== undefined) return leaf.hash ?? partner;
  if (level === 0) throw new BrcError(`nothing at offset ${offset} of level 0`);
  const left = nodeAt(bump, level - 1, 2 * offset);
  if (left === undefined) throw new BrcError(`nothing at offset ${offset} of level ${level}`);
  return doubleSha256(Buffer.concat([left, nodeAt(bump, level - 1, 2 * offset + 1, left)]));
}

/** The form of BRC-74 in JSON. */
export function bumpJson({ blockHeight, path }) {
  return {
    blockHeight,
    path: path.map((leaves) =>
      [...leaves].map(([offset, { txid, hash }]) => ({
        offset,
        ...(txid ? { txid: true } : {}),
        ...(hash === undefined ? { duplicate: true } : { hash: shown(hash) }),
      })),
    ),
  };
}
