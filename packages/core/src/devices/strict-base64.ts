/** Bytes of padded base64 (RFC 4648 §4); every byte string has exactly one form. Undefined for anything else. */
export function strictBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
