import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CannotCreate } from './cannot-create.js';

/** Writes into a folder that is new or empty; never over anything. Throws `CannotCreate`. */
export function writePackage(folder: string, files: ReadonlyMap<string, string>): void {
  try {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0)
      throw new CannotCreate(`${folder} is not empty. Name another folder with --dir.`);
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text, { flag: 'wx' });
    }
  } catch (cause) {
    if (cause instanceof CannotCreate) throw cause;
    throw new CannotCreate(`${folder} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
