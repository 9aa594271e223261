import { concat, equal, toHex, utf8 } from '../../verify/bytes.js';
import { flatLeaves } from '../../verify/merkle-levels.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { canonicalJson } from '../../verify/rfc8785.js';
import { sha256 } from '../../verify/sha256.js';
import { Shape } from '../../verify/shape.js';
import { leafHash } from '../../verify/tree-hashing.js';

export const BLOCK_VERSION = 'wattproof.local-block/1';
/** `prev` of block 0. */
export const NO_BLOCK = '0'.repeat(64);
/** First line of what a block's signature covers: the key signs nothing else. */
const BLOCK_TAG = utf8('wattproof/local-block/v1\n');

/** Record-only figures: nothing is charged. */
const GAS_PER_TRANSACTION = 21_000;
const GAS_PER_BYTE = 68;

export interface BlockHeader {
  /** 0, 1, 2, … */
  readonly number: number;
  readonly origin: string;
  /** Hash of the block before, 64 hex digits. */
  readonly prev: string;
  /** RFC 9162 root over the transaction hashes, 64 hex digits. */
  readonly root: string;
  readonly count: number;
  readonly gas: number;
  readonly timeMs: number;
}

export const gasOf = (record: Uint8Array): number =>
  GAS_PER_TRANSACTION + GAS_PER_BYTE * record.length;

/** 32 bytes: SHA-256 of the record, which is the id of its transaction. */
export const transactionHash = (record: Uint8Array): Uint8Array => sha256(record);
export const transactionId = (record: Uint8Array): string => `0x${toHex(transactionHash(record))}`;

/** Leaf of a transaction in its block's tree. */
export const transactionLeaf = (record: Uint8Array): Uint8Array =>
  leafHash('rfc9162', transactionHash(record));

export const recordsRoot = (records: readonly Uint8Array[]): Uint8Array =>
  merkleRoot('rfc9162', flatLeaves(records.map(transactionLeaf)));

/** The canonical text of a header (RFC 8785); its UTF-8 is what is hashed and signed. */
export const headerText = (header: BlockHeader): string =>
  canonicalJson({ ...header, v: BLOCK_VERSION });

/** Hash of a block, 64 hex digits. */
export const blockHash = (text: string): string => toHex(sha256(utf8(text)));

/** What the ledger key signs for a block. */
export const blockMessage = (text: string): Uint8Array => concat(BLOCK_TAG, utf8(text));

/** Reads a header text that must be in its canonical form. Throws `bad_shape`. */
export function readHeader(text: string): BlockHeader {
  const shape = new Shape(JSON.parse(text), 'header', [
    'v',
    'number',
    'origin',
    'prev',
    'root',
    'count',
    'gas',
    'timeMs',
  ]);
  const header = {
    number: shape.raw('number') as number,
    origin: shape.raw('origin') as string,
    prev: shape.raw('prev') as string,
    root: shape.raw('root') as string,
    count: shape.raw('count') as number,
    gas: shape.raw('gas') as number,
    timeMs: shape.raw('timeMs') as number,
  };
  for (const name of ['number', 'count', 'gas', 'timeMs'] as const)
    if (!Number.isSafeInteger(header[name]) || header[name] < 0)
      throw new RangeError(`header.${name} is not a count`);
  for (const name of ['prev', 'root'] as const)
    if (typeof header[name] !== 'string' || !/^[0-9a-f]{64}$/.test(header[name]))
      throw new RangeError(`header.${name} is not 64 lower-case hex digits`);
  if (typeof header.origin !== 'string') throw new RangeError('header.origin is not a string');
  if (!equal(utf8(headerText(header)), utf8(text)))
    throw new RangeError('the header is not in its canonical form');
  return header;
}
