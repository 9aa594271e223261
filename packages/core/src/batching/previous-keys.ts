import { readLogKeyNote, openLogKeyNote } from '../verify/log-key.js';
import { formatVkey, parseNote, parseVkey, type NoteKey } from '../verify/note.js';

/** What is wrong with one note of `log.previous`. */
export interface PreviousProblem {
  readonly index: number;
  readonly message: string;
}

/**
 * Checks the log-key/1 notes of earlier keys, oldest first: each is signed by a key that a note before it announces, the first by
 * the oldest key, which no note has to name, so that its signature may stay unchecked here. With `current`, the vkey of
 * `log.key`, the last checkpoint key announced must be that one. A bundle carries these notes; a false one would spoil them all.
 */
export function problemOfPrevious(
  notes: readonly string[],
  now?: { readonly origin: string; readonly current: string },
): PreviousProblem | undefined {
  const known: NoteKey[] = [];
  let oldest: string | undefined;
  let origin = now?.origin;
  for (const [index, note] of notes.entries()) {
    try {
      const announced = readLogKeyNote(note);
      origin ??= announced.origin;
      if (announced.origin !== origin)
        return { index, message: `is a note of ${announced.origin}, not of ${origin}` };
      if (announced.previous !== undefined && index === 0) known.push(announced.previous);
      const ids = parseNote(note).signatures.flatMap(({ name, id }) => (name === origin ? id : []));
      if (known.some(({ id }) => ids.includes(id))) openLogKeyNote(note, known);
      else if (known.length > 0 && !ids.includes(oldest ?? ''))
        return {
          index,
          message:
            'is signed by no key that a note before it announces; the oldest note comes first',
        };
      oldest ??= ids[0];
      if (announced.role === 'checkpoint') known.push(announced.key);
    } catch (error) {
      return { index, message: `is no sound log-key/1 note: ${(error as Error).message}` };
    }
  }
  const last = known.at(-1);
  if (now === undefined || notes.length === 0) return undefined;
  if (last !== undefined && formatVkey(last) === formatVkey(parseVkey(now.current)))
    return undefined;
  return {
    index: notes.length - 1,
    message: `the notes lead to ${last === undefined ? 'no checkpoint key' : formatVkey(last)}, and log.key is ${now.current}`,
  };
}
