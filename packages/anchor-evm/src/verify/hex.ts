export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Strict lower-case hex without `0x`; undefined when it is not. */
export function bytesOf(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_unused, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** A 32-byte word of the EVM. */
export function word(value: bigint | Uint8Array): Uint8Array {
  const digits = typeof value === 'bigint' ? value.toString(16) : hex(value);
  return bytesOf(digits.padStart(64, '0')) as Uint8Array;
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
