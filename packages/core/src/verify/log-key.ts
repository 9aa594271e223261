import { fromUtf8, utf8 } from './bytes.js';
import { NoteError, openNote, parseNote, parseVkey, type NoteKey } from './note.js';
import type { Ed25519Equation } from './ed25519.js';
import { Shape } from './shape.js';
import { canonicalJson } from './rfc8785.js';

/** First line of an announcement's text. A checkpoint's second line is a number, so neither can pass for the other. */
const LOG_KEY_HEAD = 'wattproof/log-key/1';
const ROLES = ['checkpoint', 'receipts', 'ledger'] as const;

/** A key of the log, announced by an older one. */
export interface LogKeyAnnouncement {
  readonly origin: string;
  readonly role: (typeof ROLES)[number];
  readonly key: NoteKey;
  /** The key before, when the document names it. */
  readonly previous?: NoteKey;
}

/** Text of an announcement: the head line and the canonical `log-key/1` document, each with a line feed. */
export function logKeyText(canonicalDocument: Uint8Array): string {
  return `${LOG_KEY_HEAD}\n${fromUtf8(canonicalDocument)}\n`;
}

/** Reads an announcement's text; checks no signature. Throws `bad_note`, `bad_vkey`, `ShapeError`. */
export function readLogKeyNote(note: string): LogKeyAnnouncement {
  const [head, json = '', end, ...rest] = parseNote(note).text.split('\n');
  if (head !== LOG_KEY_HEAD || end !== '' || rest.length > 0)
    throw new NoteError('bad_note', 'not a log-key/1 announcement');
  const document = JSON.parse(json);
  if (canonicalJson(document) !== json || utf8(json).length > 8192)
    throw new NoteError('bad_note', 'the log-key/1 document is not in its canonical form');
  const shape = new Shape(
    document,
    'log-key',
    ['v', 'origin', 'role', 'vkey', 'announced_at'],
    ['previous'],
  );
  shape.oneOf('v', ['log-key/1']);
  const origin = shape.text('origin', 256);
  const role = shape.oneOf('role', ROLES);
  const key = parseVkey(shape.text('vkey', 1024));
  if (key.name !== (role === 'checkpoint' ? origin : `${origin}/${role}`))
    throw new NoteError('bad_note', `${key.name} is not the name of ${origin}'s ${role} key`);
  const previous = shape.has('previous') ? parseVkey(shape.text('previous', 1024)) : undefined;
  return { origin, role, key, ...(previous === undefined ? {} : { previous }) };
}

/**
 * Opens an announcement signed by one of `keys` that may sign checkpoints of its origin. Throws `bad_note`, `bad_note_signature`,
 * `note_not_signed`, `ShapeError`.
 */
export function openLogKeyNote(
  note: string,
  keys: readonly NoteKey[],
  equation?: Ed25519Equation,
): LogKeyAnnouncement {
  const { signatures } = openNote(note, keys, equation);
  const announced = readLogKeyNote(note);
  const { origin } = announced;
  if (!signatures.some(({ key }) => key.name === origin && key.type === 'ed25519'))
    throw new NoteError(
      'note_not_signed',
      `no checkpoint key of ${origin} signed this announcement`,
    );
  return announced;
}
