import type { AccountKey } from '../energy-ledger/energy.store.js';
import { CursorInvalid, readTextCursor, textCursor } from './list-cursor.js';

/** Where a page of statements ends: they are listed by start, register and class. */
export type StatementPlace = Pick<AccountKey, 'startsMs' | 'register'> & { readonly class: string };

export function statementCursor({ startsMs, register, class: side }: StatementPlace): string {
  return textCursor(`${startsMs}\n${side}\n${register}`);
}

export function readStatementCursor(cursor: string): StatementPlace {
  const [starts = '', side = '', ...register] = readTextCursor(cursor).split('\n');
  const startsMs = /^-?\d{1,16}$/.test(starts) ? Number(starts) : NaN;
  if (!Number.isSafeInteger(startsMs) || register.length === 0) throw new CursorInvalid(cursor);
  return { startsMs, class: side, register: register.join('\n') };
}
