/** A cursor that this store did not hand out, or that belongs to another query. */
export class CursorInvalid extends Error {
  override readonly name = 'CursorInvalid';
  readonly code = 'cursor_invalid';

  constructor(readonly cursor: string) {
    super(`"${cursor.slice(0, 64)}" is not a cursor of this list. Start again without one.`);
  }
}

const MAX_INT64 = (1n << 63n) - 1n;

/** Cursors of lists that page by a growing number. Opaque to callers. */
export function numberCursor(position: number | bigint): string {
  return `n${position}`;
}

export function readNumberCursor(cursor: string): bigint {
  const position = /^n\d{1,19}$/.test(cursor) ? BigInt(cursor.slice(1)) : MAX_INT64 + 1n;
  if (position > MAX_INT64) throw new CursorInvalid(cursor);
  return position;
}

/** Cursors of lists that page by a text key. */
export function textCursor(key: string): string {
  return `t${Buffer.from(key, 'utf8').toString('base64url')}`;
}

export function readTextCursor(cursor: string): string {
  if (!/^t[\w-]*$/.test(cursor)) throw new CursorInvalid(cursor);
  const key = Buffer.from(cursor.slice(1), 'base64url').toString('utf8');
  // PostgreSQL's text has no U+0000, so no key of ours does.
  if (key.includes('\u0000')) throw new CursorInvalid(cursor);
  return key;
}

/** One page of a list that is already ordered and starts behind the cursor: the first `limit`, and a cursor if more follow. */
export function page<T>(
  found: readonly T[],
  limit: number,
  cursorOf: (last: T) => string,
): { readonly items: readonly T[]; readonly cursor?: string } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return found.length > limit && last !== undefined ? { items, cursor: cursorOf(last) } : { items };
}
