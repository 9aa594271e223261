import { stat } from 'node:fs/promises';
import type { Signer } from '../spi/index.js';
import { parseVkey } from '../verify/note.js';
import { createPrivateFile, readIfThere, replaceFile } from './durable-file.js';
import { FileMark } from './high-water-mark.js';
import { signedLogKeyNote } from './log-key-note.js';
import { deriveKey, keyFromPem, keyFromSeed, namedSigner, pemOf } from './log-key.js';
import { LogError } from './log-error.js';
import { problemOfPrevious } from './previous-keys.js';

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
  /** 32 secret bytes: erased entries are known by a hash keyed with them. */
  readonly pepper: Uint8Array;
  /** True when this start created the key. */
  readonly created: boolean;
  /** What an operator should know of the files, in sentences. */
  readonly warnings: readonly string[];
  /** What `GET /api/v1/log/keys` answers. */
  document(): object;
}

const PEPPER_BYTES = 32;

/** Opens the keys, creating what may be created. Throws `LogError`. */
export async function openLogKeys(options: LogKeysOptions): Promise<LogKeys> {
  const { origin } = options;
  const main = await openKey(options.key, 'log.key', options);
  const receipt =
    options.receiptKey === undefined
      ? { key: deriveKey(main.key, `${origin}/receipts`), warnings: [] }
      : await openKey(options.receiptKey, 'log.receiptKey', options);
  const checkpoint = namedSigner(origin, main.key);
  const problem = problemOfPrevious(options.previous, { origin, current: checkpoint.vkey });
  if (problem !== undefined)
    throw new LogError('log_key_invalid', `log.previous.${problem.index}: ${problem.message}.`);
  const receipts = namedSigner(`${origin}/receipts`, receipt.key);
  const ledger = namedSigner(`${origin}/ledger`, deriveKey(main.key, `${origin}/ledger`));
  const base =
    typeof options.key === 'string'
      ? `${options.stateFolder}/log-${parseVkey(checkpoint.vkey).id}`
      : options.key.file;
  const markFile = `${base}.mark`;
  const announced = await reaching(
    `beside log.key, ${base}.* can be neither read nor written`,
    () =>
      announcements(
        { notes: `${base}.notes`, mark: new FileMark(markFile, origin) },
        options,
        checkpoint,
        { receipts, ledger },
      ),
  );
  return {
    checkpoint,
    receipts,
    ledger,
    announcements: [...options.previous, ...announced],
    markFile,
    pepper: await openPepper(`${base}.pepper`, options.random),
    created: main.created,
    warnings: [...main.warnings, ...receipt.warnings],
    document: () => ({
      origin,
      checkpoint: checkpoint.vkey,
      receipts: receipts.vkey,
      ledger: ledger.vkey,
      announcements: [...options.previous, ...announced],
    }),
  };
}

/** Kept beside the key and not in the store: the store alone must not suffice to try out what was erased. */
async function openPepper(
  file: string,
  random: (length: number) => Uint8Array,
): Promise<Uint8Array> {
  return reaching(`beside log.key, ${file} can be neither read nor created`, async () => {
    await createPrivateFile(file, Buffer.from(random(PEPPER_BYTES)).toString('hex'));
    const text = (await readIfThere(file)) ?? '';
    if (/^[0-9a-f]{64}\s*$/.test(text)) return Buffer.from(text.trim(), 'hex');
    throw new LogError(
      'log_key_invalid',
      `${file} is not 64 hex digits. Put back the file it was: with another one, replays of erased entries are not told from new ones.`,
    );
  });
}

async function openKey(source: KeySource, what: string, options: LogKeysOptions) {
  if (typeof source === 'string')
    return { key: keyFromPem(source, what), created: false, warnings: [] };
  const { file } = source;
  const made = pemOf(keyFromSeed(options.random(32)));
  return reaching(`${what}: ${file} can be neither read nor created`, async () => {
    const created = await createPrivateFile(file, made);
    const text = created ? made : await readIfThere(file);
    if (text === undefined) throw new Error('it is a link to nothing');
    const { mode } = await stat(file);
    // Mounted secrets are often readable by a group; refusing would leave no way to use them.
    const warnings =
      (mode & 0o077) === 0
        ? []
        : [
            `${what}: ${file} can be read by others (mode ${(mode & 0o777).toString(8)}); chmod 600`,
          ];
    return { key: keyFromPem(text, `${what} (${file})`), created, warnings };
  });
}

async function reaching<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    throw new LogError('log_key_unreadable', `${what}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Kept in a file, so that a bundle made tomorrow carries the same announcement as one made today. Announcements that are not there
 * yet mean a key that is used for the first time here: then, and only then, its mark begins.
 */
async function announcements(
  files: { readonly notes: string; readonly mark: FileMark },
  options: LogKeysOptions,
  checkpoint: Signer,
  others: { readonly receipts: Signer; readonly ledger: Signer },
): Promise<readonly string[]> {
  const kept = readNotes(await readIfThere(files.notes));
  const wanted = [others.receipts.vkey, others.ledger.vkey];
  if (wanted.every((vkey, i) => kept?.[i]?.includes(JSON.stringify(vkey)))) return kept ?? [];
  await files.mark.begin();
  const notes: string[] = [];
  for (const role of ['receipts', 'ledger'] as const)
    notes.push(
      await signedLogKeyNote(checkpoint, {
        origin: options.origin,
        role,
        vkey: others[role].vkey,
        announcedAtMs: options.nowMs(),
      }),
    );
  await replaceFile(files.notes, JSON.stringify(notes));
  return notes;
}

function readNotes(text: string | undefined): readonly string[] | undefined {
  try {
    const notes: unknown = JSON.parse(text ?? 'null');
    return Array.isArray(notes) && notes.every((note) => typeof note === 'string')
      ? notes
      : undefined;
  } catch {
    return undefined;
  }
}
