/**
 * Conversions on the path of every reading, with the runtime's copying encoder where there is one and
 * without it elsewhere. Nothing about the runtime is assumed.
 */
import { utf8 } from './bytes.js';

/** The part of Node's Buffer that is used. */
interface NativeEncoder {
  from(text: string, encoding: 'latin1' | 'utf8'): Uint8Array;
  allocUnsafe(length: number): Uint8Array & { write(text: string, encoding: 'utf16le'): number };
}

const native = ((): NativeEncoder | undefined => {
  const found = (globalThis as { readonly Buffer?: Partial<NativeEncoder> }).Buffer;
  const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  return littleEndian &&
    typeof found?.from === 'function' &&
    typeof found.allocUnsafe === 'function'
    ? (found as NativeEncoder)
    : undefined;
})();

/** Bytes of a text that is ASCII by construction. */
export const asciiBytes = native === undefined ? asciiBytesByUnit : nativeAsciiBytes;

/** UTF-8 of a text in which every surrogate has its partner. */
export const utf8Bytes = native === undefined ? utf8 : nativeUtf8Bytes;

/** The UTF-16 units of a text and a zero behind them. */
export const utf16Units = native === undefined ? utf16UnitsByUnit : nativeUtf16Units;

function nativeAsciiBytes(text: string): Uint8Array {
  return plainView(native!.from(text, 'latin1'));
}

function nativeUtf8Bytes(text: string): Uint8Array {
  return plainView(native!.from(text, 'utf8'));
}

/** `slice` of a Buffer would share memory where callers expect a copy. */
function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function nativeUtf16Units(text: string): Uint16Array {
  const bytes = native!.allocUnsafe(2 * text.length + 2);
  if (bytes.byteOffset % 2 !== 0) return utf16UnitsByUnit(text);
  bytes.write(text, 'utf16le');
  const units = new Uint16Array(bytes.buffer, bytes.byteOffset, text.length + 1);
  units[text.length] = 0;
  return units;
}

export function asciiBytesByUnit(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function utf16UnitsByUnit(text: string): Uint16Array {
  const units = new Uint16Array(text.length + 1);
  for (let i = 0; i < text.length; i += 1) units[i] = text.charCodeAt(i);
  return units;
}
