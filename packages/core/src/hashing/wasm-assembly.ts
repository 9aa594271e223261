/** The little of WebAssembly's binary format (Core Specification 2.0, §5) that one SIMD function needs. */

/** Code as nested lists of bytes: an expression is what computes its operands, then its opcode. */
export type Code = number | readonly Code[];

function bytesOf(code: Code, out: number[] = []): number[] {
  if (typeof code === 'number') out.push(code);
  else for (const part of code) bytesOf(part, out);
  return out;
}

/** Unsigned LEB128 (§5.2.2). */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of a non-negative number. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >>> 7)];
}

const section = (id: number, content: number[]): number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [a, b, simd(opcode)];

export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)];
export const tee = (local: number, value: Code): Code => [value, 0x22, unsigned(local)];
export const i32 = (value: number): Code => [0x41, signed(value)];
export const i32Add = (a: Code, b: Code): Code => [a, b, 0x6a];
export const i32Sub = (a: Code, b: Code): Code => [a, b, 0x6b];
/** Runs the body, and again while the condition at its end is not zero. */
export const loop = (body: Code, condition: Code): Code => [
  0x03,
  0x40,
  body,
  condition,
  0x0d,
  0,
  0x0b,
];

export const add = binary(174);
export const and = binary(78);
export const or = binary(80);
export const xor = binary(81);
/** Bits of `a` where `mask` is set, of `b` elsewhere. */
export const select = (a: Code, b: Code, mask: Code): Code => [a, b, mask, simd(82)];
export const shiftLeft = (a: Code, bits: number): Code => [a, i32(bits), simd(171)];
export const shiftRight = (a: Code, bits: number): Code => [a, i32(bits), simd(173)];
/** Sixteen bytes taken from `a` (0–15) and `b` (16–31). */
export const shuffle = (a: Code, b: Code, from: readonly number[]): Code => [a, b, simd(13), from];
/** One 32-bit word in all four lanes. */
export const splat = (word: number): Code => [
  simd(12),
  [0, 1, 2, 3].map(() => [0, 8, 16, 24].map((bits) => (word >>> bits) & 255)),
];
/** Sixteen bytes from memory, at any address. */
export const load = (address: Code, offset: number): Code => [
  address,
  simd(0),
  0,
  unsigned(offset),
];
export const store = (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  simd(11),
  0,
  unsigned(offset),
];

/**
 * A module that exports `run`, a function of `parameters` 32-bit integers and nothing back, with `vectors` local vectors after
 * them, and `memory` of some 64 KiB pages.
 */
export function moduleOf(
  parameters: number,
  vectors: number,
  pages: number,
  body: Code,
): Uint8Array {
  const name = (text: string): number[] => [text.length, ...Buffer.from(text)];
  const code = [1, ...unsigned(vectors), 0x7b, ...bytesOf(body), 0x0b];
  return Uint8Array.from(
    [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, parameters, ...Array.from({ length: parameters }, () => 0x7f), 0]),
      section(3, [1, 0]),
      section(5, [1, 0, pages]),
      section(7, [2, ...name('run'), 0, 0, ...name('memory'), 2, 0]),
      section(10, [1, ...unsigned(code.length), ...code]),
    ].flat(),
  );
}
