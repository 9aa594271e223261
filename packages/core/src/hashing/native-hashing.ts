import { hash } from 'node:crypto';
import type { BatchProfile, Sha256 } from '../verify/contracts.js';
import { TreeError } from '../verify/tree-error.js';
import { HASH_BYTES, type PairHasher, type TreeHashing } from '../verify/tree-hashing.js';
import { nodeLanes, saltedLeafLanes } from './sha256-lanes.js';

/** SHA-256 of the host's own library, a few times faster on short input than the verifier's own. */
export const nativeSha256: Sha256 = (bytes) => {
  // A digest as latin1 text costs a third of one as a Buffer, which needs an allocation of its own.
  const digest = hash('sha256', bytes, 'binary');
  const out = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i += 1) out[i] = digest.charCodeAt(i);
  return out;
};

/** Longest document that is hashed behind the tag that stands in one reused buffer. */
const REUSED_BYTES = 65_536;
const LOG_TAG = Buffer.from('LOG::');

/** SHA-256("LOG::" ‖ bytes) in half the time: a preimage of its own would cost as much as hashing it. */
function nativeLogHash(): Sha256 {
  const preimage = Buffer.allocUnsafeSlow(LOG_TAG.length + REUSED_BYTES);
  preimage.set(LOG_TAG);
  return (bytes) => {
    if (bytes.length > REUSED_BYTES) return nativeSha256(Buffer.concat([LOG_TAG, bytes]));
    preimage.set(bytes, LOG_TAG.length);
    return nativeSha256(preimage.subarray(0, LOG_TAG.length + bytes.length));
  };
}

/** Pairs or leaves hashed by one call of a WebAssembly function. */
const LANE_ITEMS = 256;
/** Where inputs, second inputs and digests stand in its memory of one page. */
const INPUT_AT = 16;
const SECOND_AT = INPUT_AT + LANE_ITEMS * 2 * HASH_BYTES;
const OUTPUT_AT = SECOND_AT + LANE_ITEMS * HASH_BYTES;

interface Lanes {
  readonly memory: Uint8Array;
  /** Hashes `items` of what was copied to INPUT_AT and SECOND_AT. The digests stand at OUTPUT_AT until the next call. */
  readonly run: (items: number) => Uint8Array;
}

/** The part of the WebAssembly API that is used; Node's type definitions leave it out. */
interface WasmHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: {
      readonly run: (inputs: number, seconds: number, outputs: number, groups: number) => void;
      readonly memory: { readonly buffer: ArrayBuffer };
    };
  };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: WasmHost }).WebAssembly;

function lanesOf(module: Uint8Array): Lanes {
  const { exports } = new wasm.Instance(new wasm.Module(module));
  const memory = new Uint8Array(exports.memory.buffer);
  return {
    memory,
    run: (items) => {
      exports.run(INPUT_AT - 1, SECOND_AT - 1, OUTPUT_AT, Math.ceil(items / 4));
      return memory.subarray(OUTPUT_AT, OUTPUT_AT + items * HASH_BYTES);
    },
  };
}

/** Hashes pairs four at a time: a fifth of the time of as many calls of the host's library. */
function lanePairs(profile: BatchProfile): PairHasher {
  const { memory, run } = lanesOf(nodeLanes(profile === 'rfc9162', 1));
  return (input, from, pairs, output, at) => {
    for (let done = 0; done < pairs; done += LANE_ITEMS) {
      const some = Math.min(LANE_ITEMS, pairs - done);
      const start = from + done * 2 * HASH_BYTES;
      memory.set(input.subarray(start, start + some * 2 * HASH_BYTES), INPUT_AT);
      output.set(run(some), at + done * HASH_BYTES);
    }
  };
}

/** Compiling takes tens of milliseconds, so it waits for the first tree that needs it. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const pairHashers = {
  rfc9162: once(() => lanePairs('rfc9162')),
  'kwh-btc-iot': once(() => lanePairs('kwh-btc-iot')),
};

/** SHA-256 for trees and single hashes, several times the pure one: Node's own, and four lanes of WebAssembly for trees. */
export const nativeHashing: TreeHashing = Object.freeze({
  sha256: nativeSha256,
  pairs: (profile: BatchProfile) => pairHashers[profile](),
  logHash: nativeLogHash(),
  saltedLeaves: nativeSaltedLeaves,
});

const SALT_BYTES = 16;
const saltedLeaves = once(() => lanesOf(saltedLeafLanes(1)));

/**
 * Salted leaves of profile rfc9162, n × 32 bytes: what `leafHashes` gives, four at a time.
 * `logHashes` n × 32 bytes, `salts` n × 16 bytes. Throws `bad_salt`.
 */
export function nativeSaltedLeaves(logHashes: Uint8Array, salts: Uint8Array): Uint8Array {
  const count = logHashes.length / HASH_BYTES;
  if (salts.length !== count * SALT_BYTES)
    throw new TreeError('bad_salt', `${count} leaves need ${count * SALT_BYTES} bytes of salt`);
  const out = new Uint8Array(logHashes.length);
  const { memory, run } = saltedLeaves();
  for (let done = 0; done < count; done += LANE_ITEMS) {
    const some = Math.min(LANE_ITEMS, count - done);
    memory.set(salts.subarray(done * SALT_BYTES, (done + some) * SALT_BYTES), INPUT_AT);
    memory.set(logHashes.subarray(done * HASH_BYTES, (done + some) * HASH_BYTES), SECOND_AT);
    out.set(run(some), done * HASH_BYTES);
  }
  return out;
}
