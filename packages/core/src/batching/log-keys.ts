import type { Signer } from '../spi/index.js';
import { utf8 } from '../verify/bytes.js';
import { logKeyText } from '../verify/log-key.js';
import { formatNote, parseVkey } from '../verify/note.js';
import { canonicalJsonBytes } from '../verify/rfc8785.js';
import { createPrivateFile, readIfThere, replaceFile } from './durable-file.js';
import { deriveKey, keyFromPem, keyFromSeed, namedSigner, pemOf } from './log-key.js';
import { LogError } from './log-error.js';

/** Where a key comes from: a file that is created when absent, or its text. */
export type KeySource = { readonly file: string } | string;

export interface LogKeysOptions {
  readonly origin: string;
  readonly key: KeySource;
  readonly receiptKey?: KeySource;
  /** Signed log-key/1 notes of earlier keys, oldest first. */
  readonly previous: readonly string[];
  readonly random: (length: number) => Uint8Array;
  readonly nowMs: () => number;
  /** Where the high-water mark of a key that came as text is kept. */
  readonly stateFolder: string;
}

/** The three keys of one log, each under its own name, so that a signature made for one purpose proves nothing for another. */
export interface LogKeys {
  /** `<origin>`: checkpoints only. */
  readonly checkpoint: Signer;
  /** `<origin>/receipts`: receipt roots only. */
  readonly receipts: Signer;
  /** `<origin>/ledger`: blocks of the local ledger only. */
  readonly ledger: Signer;
  /** log-key/1 notes: earlier keys, then receipts and ledger key as announced by the checkpoint key. */
  readonly announcements: readonly string[];
  /** File of the high-water mark. */
  readonly markFile: string;
  /** True when this start created the key. */
  readonly created: boolean;
  /** What `GET /api/v1/log/keys` answers. */
  document(): object;
}

/** Opens the keys, creating what may be created. Throws `LogError`. */
export async function openLogKeys(options: LogKeysOptions): Promise<LogKeys> {
  const { origin } = options;
  const main = await openKey(options.key, 'log.key', options);
  const receiptKey =
    options.receiptKey === undefined
      ? deriveKey(main.key, `${origin}/receipts`)
      : (await openKey(options.receiptKey, 'log.receiptKey', options)).key;
  const checkpoint = namedSigner(origin, main.key);
  const receipts = namedSigner(`${origin}/receipts`, receiptKey);
  const ledger = namedSigner(`${origin}/ledger`, deriveKey(main.key, `${origin}/ledger`));
  const base =
    typeof options.key === 'string'
      ? `${options.stateFolder}/log-${parseVkey(checkpoint.vkey).id}`
      : options.key.file;
  const announced = await announcements(`${base}.notes`, options, checkpoint, { receipts, ledger });
  return {
    checkpoint,
    receipts,
    ledger,
    announcements: [...options.previous, ...announced],
    markFile: `${base}.mark`,
    created: main.created,
    document: () => ({
      origin,
      checkpoint: checkpoint.vkey,
      receipts: receipts.vkey,
      ledger: ledger.vkey,
      announcements: [...options.previous, ...announced],
    }),
  };
}

async function openKey(source: KeySource, what: string, options: LogKeysOptions) {
  if (typeof source === 'string') return { key: keyFromPem(source, what), created: false };
  try {
    const made = pemOf(keyFromSeed(options.random(32)));
    const created = await createPrivateFile(source.file, made);
    const text = created ? made : ((await readIfThere(source.file)) ?? '');
    return { key: keyFromPem(text, `${what} (${source.file})`), created };
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    throw new LogError(
      'log_key_unreadable',
      `${what}: ${source.file} can be neither read nor created: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Kept in a file, so that a bundle made tomorrow carries the same announcement as one made today. */
async function announcements(
  file: string,
  options: LogKeysOptions,
  checkpoint: Signer,
  others: { readonly receipts: Signer; readonly ledger: Signer },
): Promise<readonly string[]> {
  const kept = await readIfThere(file);
  if (kept !== undefined) {
    const notes: unknown = JSON.parse(kept);
    const wanted = [others.receipts.vkey, others.ledger.vkey];
    if (
      Array.isArray(notes) &&
      wanted.every(
        (vkey, i) => typeof notes[i] === 'string' && notes[i].includes(JSON.stringify(vkey)),
      )
    )
      return notes as string[];
  }
  const notes: string[] = [];
  for (const role of ['receipts', 'ledger'] as const) {
    const text = logKeyText(
      canonicalJsonBytes({
        v: 'log-key/1',
        origin: options.origin,
        role,
        vkey: others[role].vkey,
        announced_at: new Date(options.nowMs()).toISOString(),
      }),
    );
    const { name, id } = parseVkey(checkpoint.vkey);
    notes.push(
      formatNote({ text, signatures: [{ name, id, value: await checkpoint.sign(utf8(text)) }] }),
    );
  }
  await createPrivateFile(file, '[]');
  await replaceFile(file, JSON.stringify(notes));
  return notes;
}
