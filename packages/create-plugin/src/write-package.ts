import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CannotCreate } from './cannot-create.js';

/**
 * Writes into a folder that is new or empty; never over anything. When a file cannot be written, nothing that this call made is
 * left. Throws `CannotCreate`.
 */
export function writePackage(folder: string, files: ReadonlyMap<string, string>): void {
  const made: string[] = [];
  try {
    makeFolders(folder, made);
    if (readdirSync(folder).length > 0)
      throw new CannotCreate(
        'folder_not_empty',
        `${folder} is not empty. Name another folder with --dir.`,
      );
    for (const [path, text] of files) {
      const file = join(folder, path);
      makeFolders(dirname(file), made);
      made.push(file);
      writeFileSync(file, text, { flag: 'wx' });
    }
  } catch (cause) {
    if (cause instanceof CannotCreate) throw cause;
    for (const path of made.reverse()) rmSync(path, { recursive: true, force: true });
    throw new CannotCreate(
      'not_writable',
      `${folder} cannot be written: ${(cause as Error).message}. Nothing was left in it.`,
      { cause },
    );
  }
}

/** One by one: Node's own recursive `mkdir` never ends where a parent is there and takes no folders, as in `/proc`. */
function makeFolders(folder: string, made: string[]): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder), made);
  mkdirSync(folder);
  made.push(folder);
}
