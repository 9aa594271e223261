/**
 * Text, hex, base64 and integers as bytes. The verifier runs without Node and without a DOM,
 * so TextEncoder, Buffer and atob are not assumed to exist.
 */

/** Bytes that were not what their encoding promises. `code` is stable. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError';

  constructor(
    readonly code: 'bad_utf8' | 'bad_hex' | 'bad_base64' | 'out_of_range',
    message: string,
  ) {
    super(message);
  }
}

/** UTF-8 of a string. Throws `bad_utf8` on a lone surrogate: it has no UTF-8 form (RFC 3629 §3). */
export function utf8(text: string): Uint8Array {
  // Three bytes a UTF-16 unit is the most that UTF-8 ever needs.
  const out = new Uint8Array(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      out[at++] = unit;
      continue;
    }
    const code = text.codePointAt(i)!;
    if (code >= 0xd800 && code <= 0xdfff)
      throw new EncodingError('bad_utf8', `lone surrogate U+${code.toString(16)} at ${i}`);
    if (code < 0x800) {
      out[at++] = 0xc0 | (code >> 6);
    } else if (code < 0x10000) {
      out[at++] = 0xe0 | (code >> 12);
      out[at++] = 0x80 | ((code >> 6) & 0x3f);
    } else {
      out[at++] = 0xf0 | (code >> 18);
      out[at++] = 0x80 | ((code >> 12) & 0x3f);
      out[at++] = 0x80 | ((code >> 6) & 0x3f);
      i += 1;
    }
    out[at++] = 0x80 | (code & 0x3f);
  }
  return out.slice(0, at);
}

/** The string of UTF-8 bytes. Throws `bad_utf8` on anything RFC 3629 §4 does not allow; no BOM is removed. */
export function fromUtf8(bytes: Uint8Array): string {
  const bad = (at: number): never => {
    throw new EncodingError('bad_utf8', `byte ${at} is not valid UTF-8`);
  };
  let text = '';
  const units: number[] = [];
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i]!;
    let code = first;
    let more = 0;
    let least = 0;
    if (first >= 0x80) {
      if (first >= 0xc2 && first < 0xe0) [more, least, code] = [1, 0x80, first & 0x1f];
      else if (first >= 0xe0 && first < 0xf0) [more, least, code] = [2, 0x800, first & 0x0f];
      else if (first >= 0xf0 && first < 0xf5) [more, least, code] = [3, 0x10000, first & 0x07];
      else bad(i);
      for (let k = 1; k <= more; k += 1) {
        const next = bytes[i + k] ?? bad(i);
        if ((next & 0xc0) !== 0x80) bad(i + k);
        code = (code << 6) | (next & 0x3f);
      }
      if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) bad(i);
    }
    if (code < 0x10000) units.push(code);
    else units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
    if (units.length >= 4096) text += String.fromCharCode(...units.splice(0));
    i += more + 1;
  }
  return text + String.fromCharCode(...units);
}

const HEX_DIGITS = '0123456789abcdef';

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX_DIGITS[byte >> 4]! + HEX_DIGITS[byte & 15]!;
  return text;
}

/** Bytes of an even number of hex digits, either case; nothing else is skipped. Throws `bad_hex`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0)
    throw new EncodingError('bad_hex', `hex has an odd number of digits (${text.length})`);
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i += 1) {
    const high = HEX_DIGITS.indexOf(text[2 * i]!.toLowerCase());
    const low = HEX_DIGITS.indexOf(text[2 * i + 1]!.toLowerCase());
    if (high < 0 || low < 0) throw new EncodingError('bad_hex', `not a hex digit near ${2 * i}`);
    out[i] = high * 16 + low;
  }
  return out;
}

const BASE64_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 of RFC 4648 §4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += BASE64_DIGITS[group >> 18]! + BASE64_DIGITS[(group >> 12) & 63]!;
    text += left > 1 ? BASE64_DIGITS[(group >> 6) & 63]! : '=';
    text += left > 2 ? BASE64_DIGITS[group & 63]! : '=';
  }
  return text;
}

/**
 * Bytes of base64 (RFC 4648 §4). Strict: padding is required, no white space, no URL alphabet, and
 * the unused bits of the last digit must be zero (§3.5), so every byte string has one form only.
 * Throws `bad_base64`.
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0)
    throw new EncodingError('bad_base64', `base64 length ${text.length} is not a multiple of 4`);
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let group = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits; i += 1) {
    const digit = BASE64_DIGITS.indexOf(text[i]!);
    if (digit < 0) throw new EncodingError('bad_base64', `not a base64 digit at ${i}`);
    group = ((group << 6) | digit) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (group >> bits) & 0xff;
    }
  }
  if ((group & ((1 << bits) - 1)) !== 0)
    throw new EncodingError('bad_base64', 'the unused bits of the last base64 digit are not zero');
  return out;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Same bytes. Takes the same time wherever they differ; lengths are not secret. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** 4 bytes, big-endian. Throws `out_of_range` unless 0 ≤ value < 2³². */
export function uint32be(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new EncodingError('out_of_range', `${value} is not an unsigned 32-bit integer`);
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** 8 bytes, big-endian. Throws `out_of_range` unless 0 ≤ value < 2⁶⁴. */
export function uint64be(value: bigint | number): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new EncodingError('out_of_range', `${value} is not a safe integer`);
  let rest = BigInt(value);
  if (rest < 0n || rest >= 1n << 64n)
    throw new EncodingError('out_of_range', `${value} is not an unsigned 64-bit integer`);
  const out = new Uint8Array(8);
  for (let i = 7; i >= 0; i -= 1) {
    out[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return out;
}
