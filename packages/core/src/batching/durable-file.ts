import { constants, copyFile, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Text of a file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

/** Replaces a file so that after a crash it holds the old text or the new, whole: temporary, fsync, rename, fsync of the folder. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await withTemporary(path, text, async (temporary) => {
    await rename(temporary, path);
    await syncFolder(dirname(path));
  });
}

/** Creates a file only its owner may read, whole or not at all; false when it is there already. */
export async function createPrivateFile(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return withTemporary(path, text, async (temporary) => {
    if (!(await linked(temporary, path))) return false;
    await syncFolder(dirname(path));
    return true;
  });
}

/**
 * Replaces a file while no other process can do the same under the same name: the name is a link beside the file that only one
 * process can make. False when another text has the name, or `isAllowed`, asked while the name is held, says no.
 */
export async function claimThenReplace(
  path: string,
  name: string,
  text: string,
  isAllowed: () => Promise<boolean>,
): Promise<boolean> {
  const claim = `${path}.${name}`;
  return withTemporary(path, text, async (temporary) => {
    const isOwn = await linked(temporary, claim);
    // The same text is this claim of a process that ended, or of one that replaces by the same.
    if (!isOwn && ((await readIfThere(claim)) ?? text) !== text) return false;
    const allowed = await isAllowed();
    if (allowed) {
      await rename(temporary, path);
      await syncFolder(dirname(path));
    }
    if (isOwn || allowed) await rm(claim, { force: true });
    return allowed;
  });
}

async function withTemporary<T>(
  path: string,
  text: string,
  use: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return await use(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What file systems without hard links answer. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** False when something has that name already. */
async function linked(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path).catch((cause: NodeJS.ErrnoException) => {
      if (!NO_LINKS.has(cause.code ?? '')) throw cause;
      return copyFile(existing, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
