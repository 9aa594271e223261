import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { rotateLogKey } from '@wattproof/core';
import { ConfigError } from '../config/config-errors.js';
import { loadConfig } from '../config/load-config.js';
import { type CommandContext, takeOption } from './command.js';

const TO = '--to';

/**
 * `gateway rotate-key [FILE] --to NEW_FILE`: makes the next key of the log in NEW_FILE, announced by the present key, and prints the
 * lines of the configuration to change. The gateway must not be running. Exit 0 made, 1 not made, 2 not usable as called.
 */
export async function rotateKey(args: readonly string[], context: CommandContext): Promise<number> {
  const { rest, value } = takeOption(args, TO);
  if (!value) {
    context.err(`${TO} needs the file of the new key, which does not exist yet`);
    return 2;
  }
  const { env, workingDirectory } = context;
  try {
    const { config } = await loadConfig({ file: context.configFile(rest), env, workingDirectory });
    const { key } = config.log;
    if (typeof key !== 'string' && !existsSync(key.file)) {
      context.err(`log_key_unreadable: ${key.file} does not exist; there is no key to change.`);
      return 1;
    }
    const newFile = resolve(workingDirectory, value);
    const { vkey, previous, size } = await rotateLogKey(config, {
      newFile,
      nowMs: () => Date.now(),
      random: randomBytes,
    });
    context.out(
      `made ${newFile} and ${newFile}.mark; the present key signed up to ${size} batches.`,
    );
    context.out('In the configuration, before the next start:');
    context.out('log:');
    context.out(`  key: { file: ${JSON.stringify(newFile)} }`);
    context.out('  previous:');
    for (const note of previous) context.out(`    - ${JSON.stringify(note)}`);
    context.out(`Auditors pin ${vkey} from now on; the key before proves what it has signed.`);
    context.out('Never start the gateway with the key before again.');
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code } = error as { readonly code?: unknown };
    const known = error instanceof ConfigError || typeof code !== 'string';
    context.err(known ? error.message : `${code}: ${error.message}`);
    return 1;
  }
}
