import { formatVkey, type NoteKey, parseNote, parseVkey } from '../verify/note.js';
import { ProofError } from './proof-error.js';
import { RecentlyUsed } from './recently-used.js';

/** Batches whose signer is remembered. */
const BATCHES = 256;

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

/** Which of the log's keys, present and past, signed a checkpoint. */
export class CheckpointSigners {
  readonly #keys: readonly NoteKey[];
  readonly #vkeys = new RecentlyUsed<string>(BATCHES);

  /** `current`: vkey of the key that signs now; `announcements`: log-key/1 notes. */
  constructor(current: string, announcements: readonly string[]) {
    this.#keys = [current, ...announcedVkeys(announcements)].map((vkey) => parseVkey(vkey));
  }

  /** The vkey of the key that signed batch `number`'s checkpoint. Throws `checkpoint_not_found` when the log knows none that did. */
  vkeyOf(number: number, checkpoint: string): string {
    const known = this.#vkeys.get(String(number));
    if (known !== undefined) return known;
    const { signatures } = parseNote(checkpoint);
    const signer = this.#keys.find((key) =>
      signatures.some(({ name, id }) => name === key.name && id === key.id),
    );
    if (signer === undefined)
      throw new ProofError(
        'checkpoint_not_found',
        `The checkpoint of batch ${number} is signed by a key this log does not know; add its announcement to log.previous`,
      );
    const vkey = formatVkey(signer);
    this.#vkeys.set(String(number), vkey);
    return vkey;
  }
}
