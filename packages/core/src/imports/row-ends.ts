const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const QUOTE = 34;

/** Complete rows at the start of a part: how many, and where the last of them ends. */
interface CompleteRows {
  readonly rows: number;
  readonly end: number;
}

/**
 * At most `maxRows` rows of CSV. A row ends behind a line feed that no quoted field holds (RFC 4180); a quote opens a field only where
 * one begins, elsewhere it is text. `from`: where the first row begins.
 */
export function endOfCsvRows(
  part: Uint8Array,
  delimiter: number,
  from: number,
  maxRows: number,
): CompleteRows {
  let end = 0;
  let rows = 0;
  let place: 'start' | 'text' | 'quoted' | 'closed' = 'start';
  for (let at = from; at < part.length; at += 1) {
    const byte = part[at]!;
    if (place === 'quoted') {
      if (byte === QUOTE) place = 'closed';
      continue;
    }
    if (byte === QUOTE && place === 'start') place = 'quoted';
    else if (byte === QUOTE && place === 'closed') place = 'quoted';
    else if (byte === delimiter) place = 'start';
    else if (byte === LINE_FEED) {
      place = 'start';
      end = at + 1;
      rows += 1;
      if (rows === maxRows) break;
    } else if (place !== 'closed' || byte !== CARRIAGE_RETURN) place = 'text';
  }
  return { rows, end };
}

/** At most `maxRows` lines. */
export function endOfLines(part: Uint8Array, maxRows: number): CompleteRows {
  let end = 0;
  let rows = 0;
  for (; rows < maxRows; rows += 1) {
    const at = part.indexOf(LINE_FEED, end);
    if (at < 0) break;
    end = at + 1;
  }
  return { rows, end };
}
