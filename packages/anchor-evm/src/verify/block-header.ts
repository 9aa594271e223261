import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { hex } from './hex.js';
import { decodeRlp, MalformedRlp, type Rlp, scalarOf } from './rlp.js';

/** What evidence rests on in a block header. Later forks append fields, which the hash covers without being read. */
export interface BlockHeader {
  /** Without `0x`. */
  readonly hash: string;
  readonly number: number;
  readonly timeS: number;
  readonly stateRoot: Uint8Array;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
}

/** The last second that a date can be made of (ECMA-262, 21.4.1.1). */
const MAX_TIME_S = 8_640_000_000_000;

/** Fields of a header before London. */
const LEAST_FIELDS = 15;

/** Reads the RLP of a header. Throws `MalformedRlp`. */
export function readHeader(bytes: Uint8Array): BlockHeader {
  const fields = decodeRlp(bytes);
  if (fields instanceof Uint8Array || fields.length < LEAST_FIELDS)
    throw new MalformedRlp('a header is a list of at least 15 fields');
  return {
    hash: hex(keccak256(bytes)),
    stateRoot: root(fields[3]),
    transactionsRoot: root(fields[4]),
    receiptsRoot: root(fields[5]),
    number: safe(fields[8]),
    timeS: safe(fields[11], MAX_TIME_S),
  };
}

function root(field: Rlp | undefined): Uint8Array {
  if (field instanceof Uint8Array && field.length === 32) return field;
  throw new MalformedRlp('a root of 32 bytes expected');
}

function safe(field: Rlp | undefined, most = Number.MAX_SAFE_INTEGER): number {
  const value = scalarOf(field);
  if (value > most) throw new MalformedRlp(`a number above ${most}`);
  return Number(value);
}
