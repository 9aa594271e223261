import { fromHex, toHex } from '../verify/bytes.js';
import { createPrivateFile, readIfThere, replaceFile } from './durable-file.js';
import { LogError } from './log-error.js';

/** The largest checkpoint a key may have signed. */
export interface Mark {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Remembers, beside the key and not in the database, how far the key has signed. */
export interface HighWaterMark {
  read(): Promise<Mark | undefined>;
  /** Durable before it resolves. */
  write(mark: Mark): Promise<void>;
}

/** A mark in a file: `{"v","origin","size","root"}`, replaced atomically and fsynced. */
export class FileMark implements HighWaterMark {
  constructor(
    private readonly path: string,
    private readonly origin: string,
  ) {}

  async read(): Promise<Mark | undefined> {
    const text = await readIfThere(this.path);
    if (text === undefined || text === '') return undefined;
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
    const { v, origin, size, root } = mark;
    if (
      v !== 'wattproof.mark/1' ||
      origin !== this.origin ||
      !Number.isSafeInteger(size) ||
      typeof root !== 'string' ||
      !/^[0-9a-f]{64}$/.test(root)
    ) {
      throw new LogError('log_mark_invalid', `${this.path} is not the mark of ${this.origin}.`);
    }
    return { size: size as number, root: fromHex(root) };
  }

  async write({ size, root }: Mark): Promise<void> {
    await createPrivateFile(this.path, '');
    await replaceFile(
      this.path,
      `${JSON.stringify({ v: 'wattproof.mark/1', origin: this.origin, size, root: toHex(root) })}\n`,
    );
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
