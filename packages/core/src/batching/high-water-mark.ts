import { equal, fromHex, toHex } from '../verify/bytes.js';
import { sha256 } from '../verify/sha256.js';
import { claimThenReplace, createPrivateFile, readIfThere } from './durable-file.js';
import { LogError, rolledBack } from './log-error.js';

/** The largest checkpoint a key may have signed. */
export interface Mark {
  readonly size: number;
  readonly root: Uint8Array;
}

/** What a key that has signed nothing remembers: the empty log. */
export const NOTHING_SIGNED: Mark = { size: 0, root: sha256(new Uint8Array(0)) };

/** Remembers, beside the key and not in the database, how far the key has signed. */
export interface HighWaterMark {
  /** Undefined where nothing is kept. Throws `log_mark_missing`, `log_mark_invalid` where something must have been. */
  read(): Promise<Mark | undefined>;
  /** Durable before it resolves. Throws `log_rolled_back` when another process took this size for another root, or has passed it. */
  write(mark: Mark): Promise<void>;
}

/** A mark in a file: `{"v","origin","size","root"}`, made with the key, replaced atomically and fsynced. */
export class FileMark implements HighWaterMark {
  constructor(
    private readonly path: string,
    private readonly origin: string,
  ) {}

  /** For a key that is used for the first time. Leaves a mark that is there as it is. */
  async begin(): Promise<void> {
    await createPrivateFile(this.path, this.#text(NOTHING_SIGNED));
  }

  async read(): Promise<Mark> {
    const text = await readIfThere(this.path);
    if (text === undefined)
      throw new LogError(
        'log_mark_missing',
        `${this.path}, which says what this key has signed, is gone. Restore the newest copy; without one, run "gateway recover".`,
      );
    let mark: { v?: unknown; origin?: unknown; size?: unknown; root?: unknown };
    try {
      mark = JSON.parse(text) as typeof mark;
    } catch (cause) {
      throw new LogError(
        'log_mark_invalid',
        `${this.path} is not readable. Restore it from a copy that is at least as new as the key's last use.`,
        { cause },
      );
    }
    const { v, origin, size, root } = mark ?? {};
    if (
      v !== 'wattproof.mark/1' ||
      origin !== this.origin ||
      !Number.isSafeInteger(size) ||
      (size as number) < 0 ||
      typeof root !== 'string' ||
      !/^[0-9a-f]{64}$/.test(root)
    ) {
      throw new LogError('log_mark_invalid', `${this.path} is not the mark of ${this.origin}.`);
    }
    return { size: size as number, root: fromHex(root) };
  }

  async write(mark: Mark): Promise<void> {
    const { size } = mark;
    // Two processes over one key may have read the same mark: the one that has the size's own name first goes on.
    const isFirst = await claimThenReplace(this.path, `${size}`, this.#text(mark), async () => {
      const now = await this.read();
      return now.size < size || (now.size === size && equal(now.root, mark.root));
    });
    if (!isFirst)
      throw rolledBack(
        `Another process with this key signs or has signed a checkpoint of size ${size} or more (${this.path}).`,
      );
  }

  #text({ size, root }: Mark): string {
    return `${JSON.stringify({ v: 'wattproof.mark/1', origin: this.origin, size, root: toHex(root) })}\n`;
  }
}

/** A mark that dies with the process: for stores that do, too. */
export class MemoryMark implements HighWaterMark {
  #mark: Mark | undefined;

  async read(): Promise<Mark | undefined> {
    return this.#mark;
  }

  async write(mark: Mark): Promise<void> {
    this.#mark = mark;
  }
}
