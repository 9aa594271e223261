import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GatewayConfig } from '@wattproof/core/plugins';

/** Beside the embedded store and the keys of the log. */
const KEY_FILE = join('.wattproof', 'demo-admin-key');
const KEY_BYTES = 24;

export interface DemoAccess {
  readonly config: GatewayConfig;
  /** Absolute path of the file that holds the key; absent when the configuration brings one or needs none. */
  readonly keyFile?: string;
}

/**
 * Gives a gateway under profile `demo` an administrator's key when its configuration names none: random, made on
 * first start, kept in `.wattproof/demo-admin-key` (mode 600) of the working directory and never printed.
 */
export async function withDemoAdminKey(
  config: GatewayConfig,
  workingDirectory: string,
): Promise<DemoAccess> {
  if (config.profile !== 'demo' || config.accounts.adminApiKey !== undefined) return { config };
  const keyFile = join(workingDirectory, KEY_FILE);
  await mkdir(join(workingDirectory, '.wattproof'), { recursive: true, mode: 0o700 });
  try {
    await writeFile(keyFile, `${randomBytes(KEY_BYTES).toString('base64url')}\n`, {
      mode: 0o600,
      flag: 'wx',
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const adminApiKey = (await readFile(keyFile, 'utf8')).trim();
  if (adminApiKey.length < 16) {
    throw new Error(
      `${keyFile} holds ${adminApiKey.length} characters, fewer than the 16 a key has. Delete it; the next start makes a new one.`,
    );
  }
  return { config: { ...config, accounts: { ...config.accounts, adminApiKey } }, keyFile };
}
