import { parseJson } from './json/parse.js';
import { readReceipt, type Receipt } from './receipt.js';
import { ShapeError } from './shape.js';

/** Longest receipt text that is looked at, in UTF-16 units. */
export const MAX_RECEIPT_LENGTH = 16_384;

/** Reads receipt text; it must be its own canonical form or plain JSON of the same members. */
export function parseReceipt(text: string): Receipt {
  if (text.length > MAX_RECEIPT_LENGTH)
    throw new ShapeError('receipt', `has more than ${MAX_RECEIPT_LENGTH} characters`);
  return readReceipt(parseJson(text, 'i-json'));
}
