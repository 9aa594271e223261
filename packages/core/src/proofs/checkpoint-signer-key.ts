import { parseNote, parseVkey, type NoteKey } from '../verify/note.js';

interface AnnouncedKeys {
  readonly vkey?: unknown;
  readonly previous?: unknown;
}

/** Every key that log-key/1 announcements speak of. They are the log's own and already checked when it started. */
function announcedVkeys(announcements: readonly string[]): string[] {
  return announcements.flatMap((note) => {
    const document = JSON.parse(parseNote(note).text.split('\n')[1] ?? '{}') as AnnouncedKeys;
    return [document.vkey, document.previous].filter((vkey) => typeof vkey === 'string');
  });
}

/** The log key, present or past, that signed a checkpoint; undefined when it is none of them. */
export function checkpointSignerKey(
  checkpoint: string,
  current: string,
  announcements: readonly string[],
): NoteKey | undefined {
  const { signatures } = parseNote(checkpoint);
  return [current, ...announcedVkeys(announcements)]
    .map((vkey) => parseVkey(vkey))
    .find((key) => signatures.some(({ name, id }) => name === key.name && id === key.id));
}
