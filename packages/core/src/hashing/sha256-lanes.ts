import { INITIAL, ROUNDS } from '../verify/sha2-constants.js';
import {
  add,
  and,
  get,
  i32,
  i32Add,
  i32Sub,
  load,
  loop,
  moduleOf,
  or,
  select,
  set,
  shiftLeft,
  shiftRight,
  shuffle,
  splat,
  store,
  tee,
  xor,
  type Code,
} from './wasm-assembly.js';

/**
 * SHA-256 of four short messages at once, one in each lane of a vector, as a WebAssembly module that is written here. A tree
 * hashes millions of 49- to 65-byte messages; calling the host's library costs more than hashing each.
 *
 * Parameters of the function: address of the byte before the first input (a prefix byte stands there), the same of a second
 * input, address of the digests, and the number of groups of four, at least 1.
 */
const INPUT = 0;
const SECOND = 1;
const OUTPUT = 2;
const GROUPS = 3;
/** First of the local vectors: 16 message words, 8 state words, 8 chaining words, scratch. */
const W = 4;
const STATE = W + 16;
const CHAIN = STATE + 8;
const SCRATCH = CHAIN + 8;
const VECTORS = 16 + 8 + 8 + 5;

const rotate = (local: number, bits: number): Code =>
  or(shiftRight(get(local), bits), shiftLeft(get(local), 32 - bits));

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Words `first` … `first` + 3 of four messages `stride` bytes apart, big-endian, out of 16 bytes of each. */
function loadWords(pointer: number, offset: number, stride: number, first: number): Code {
  // Rows are messages; two rounds of interleaving turn them into words, the first also turns bytes around.
  const pairs = (a: number, b: number, word: number): Code =>
    shuffle(
      get(a),
      get(b),
      [word, word + 16, word + 4, word + 20].flatMap((at) => [at + 3, at + 2, at + 1, at]),
    );
  const halves = (a: number, b: number, half: number): Code =>
    shuffle(get(a), get(b), [
      ...range(8).map((i) => half + i),
      ...range(8).map((i) => half + 16 + i),
    ]);
  const [r0, r1, r2, r3] = range(4).map((i) => SCRATCH + i) as [number, number, number, number];
  return [
    range(4).map((row) => set(SCRATCH + row, load(get(pointer), offset + row * stride))),
    // Words 0 and 1, then 2 and 3, of messages 0 and 1, then of 2 and 3.
    set(W + first, pairs(r0, r1, 0)),
    set(W + first + 1, pairs(r2, r3, 0)),
    set(W + first + 2, pairs(r0, r1, 8)),
    set(W + first + 3, pairs(r2, r3, 8)),
    set(r0, halves(W + first, W + first + 1, 0)),
    set(r1, halves(W + first, W + first + 1, 8)),
    set(r2, halves(W + first + 2, W + first + 3, 0)),
    set(W + first + 3, halves(W + first + 2, W + first + 3, 8)),
    range(3).map((i) => set(W + first + i, get(SCRATCH + i))),
  ];
}

/** One compression (FIPS 180-4 §6.2.2) of the words in W into CHAIN. W[t mod 16] is recomputed as rounds go. */
function compress(): Code {
  const round = (t: number): Code => {
    // Names move instead of words: `a` of round t is where `h` of round t - 1 was.
    const name = (i: number): number => STATE + ((i + 64 - t) % 8);
    const [a, b, c, d, e, f, g, h] = range(8).map(name) as Eight;
    const w = W + (t % 16);
    const w2 = W + ((t + 14) % 16);
    const w15 = W + ((t + 1) % 16);
    const schedule =
      t < 16
        ? []
        : set(
            w,
            add(
              add(get(w), get(W + ((t + 9) % 16))),
              add(
                xor(xor(rotate(w15, 7), rotate(w15, 18)), shiftRight(get(w15), 3)),
                xor(xor(rotate(w2, 17), rotate(w2, 19)), shiftRight(get(w2), 10)),
              ),
            ),
          );
    const t1 = add(
      add(get(h), add(get(w), splat(ROUNDS.high[t]!))),
      add(xor(xor(rotate(e, 6), rotate(e, 11)), rotate(e, 25)), select(get(f), get(g), get(e))),
    );
    // Majority: b where a and b agree, c where they do not.
    const majority = select(get(c), get(b), xor(get(a), get(b)));
    const t2 = add(xor(xor(rotate(a, 2), rotate(a, 13)), rotate(a, 22)), majority);
    return [schedule, set(d, add(get(d), tee(SCRATCH, t1))), set(h, add(get(SCRATCH), t2))];
  };
  return [
    range(8).map((i) => set(STATE + i, get(CHAIN + i))),
    range(64).map(round),
    range(8).map((i) => set(CHAIN + i, add(get(CHAIN + i), get(STATE + i)))),
  ];
}

type Eight = [number, number, number, number, number, number, number, number];

/** The digests of four messages, 32 bytes each, one after the other. */
function storeDigests(): Code {
  // The transposition of loadWords undoes itself.
  const half = (first: number): Code => [
    range(4).map((i) => set(SCRATCH + i, get(CHAIN + first + i))),
    range(4).map((lane) => {
      const from = range(4).map((i) => 4 * lane + 3 - i);
      const pair = (a: number, b: number): Code =>
        shuffle(get(a), get(b), [...from, ...from.map((i) => i + 16), ...from, ...from]);
      return store(
        get(OUTPUT),
        32 * lane + 4 * first,
        shuffle(pair(SCRATCH, SCRATCH + 1), pair(SCRATCH + 2, SCRATCH + 3), [
          ...range(8),
          ...range(8).map((i) => i + 16),
        ]),
      );
    }),
  ];
  return [half(0), half(4)];
}

/** Words 0 … 15 of a block that holds nothing but the end of the padding. */
const lastWords = (from: number, messageBytes: number): Code =>
  range(16 - from).map((i) => set(W + from + i, splat(i + from === 15 ? messageBytes * 8 : 0)));

/** The byte before what was loaded is not the message's: in its place stands the prefix. */
const prefixed = (word: number, prefix: number): Code =>
  set(W + word, or(and(get(W + word), splat(0x00ffffff)), splat(prefix << 24)));

function groupsOf(body: Code, inputStride: number, secondStride: number): Code {
  const step = (local: number, by: number): Code => set(local, i32Add(get(local), i32(by)));
  return loop(
    [
      range(8).map((i) => set(CHAIN + i, splat(INITIAL.high[i]!))),
      body,
      storeDigests(),
      step(INPUT, 4 * inputStride),
      step(SECOND, 4 * secondStride),
      step(OUTPUT, 128),
    ],
    tee(GROUPS, i32Sub(get(GROUPS), i32(1))),
  );
}

/** Inner nodes, 64 bytes of input each: SHA-256(0x01 ‖ left ‖ right), or without the prefix. */
export function nodeLanes(prefixedNodes: boolean, pages: number): Uint8Array {
  const node = prefixedNodes
    ? [
        // The prefix moves everything by one byte, so the 64th is alone in the second block.
        [0, 1, 2, 3].map((i) => loadWords(INPUT, 16 * i, 64, 4 * i)),
        prefixed(0, 1),
        compress(),
        loadWords(INPUT, 49, 64, 0),
        set(W, or(shiftLeft(get(W + 3), 24), splat(0x00800000))),
        lastWords(1, 65),
      ]
    : [
        [0, 1, 2, 3].map((i) => loadWords(INPUT, 16 * i + 1, 64, 4 * i)),
        compress(),
        set(W, splat(0x80000000)),
        lastWords(1, 64),
      ];
  return moduleOf(4, VECTORS, pages, groupsOf([node, compress()], 64, 0));
}

/** Salted leaves: SHA-256(0x00 ‖ salt of 16 bytes ‖ hash of 32 bytes), hashes at SECOND. */
export function saltedLeafLanes(pages: number): Uint8Array {
  const words = [
    loadWords(INPUT, 1, 16, 4),
    // The salt's last byte goes before the hash's first.
    set(SCRATCH + 4, shiftLeft(get(W + 7), 24)),
    loadWords(INPUT, 0, 16, 0),
    prefixed(0, 0),
    loadWords(SECOND, 0, 32, 4),
    set(W + 4, or(and(get(W + 4), splat(0x00ffffff)), get(SCRATCH + 4))),
    loadWords(SECOND, 17, 32, 8),
    set(W + 12, or(shiftLeft(get(W + 11), 24), splat(0x00800000))),
    loadWords(SECOND, 16, 32, 8),
    lastWords(13, 49),
  ];
  return moduleOf(4, VECTORS, pages, groupsOf([words, compress()], 16, 32));
}
