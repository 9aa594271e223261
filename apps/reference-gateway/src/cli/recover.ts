import { existsSync } from 'node:fs';
import { adoptStore, composeGateway, examineLog, type LogExamination } from '@wattproof/core';
import type { GatewayConfig } from '@wattproof/core/plugins';
import { toHex } from '@wattproof/core/verify';
import { ConfigError } from '../config/config-errors.js';
import { loadConfig } from '../config/load-config.js';
import { type CommandContext, takeOption } from './command.js';

const ASK_LEDGERS_MS = 15_000;
const NEW_ORIGIN = '--adopt-new-origin';
const ADOPT = '--adopt-database';

/**
 * `gateway recover [FILE] [--adopt-new-origin NAME] [--adopt-database]`: says how far the database, the log key and the ledgers have
 * got, and the ways out when the database is behind. Changes nothing, except that `--adopt-database` writes a lost mark anew; the gateway must not be running on an embedded
 * store. Exit 0 consistent, 1 rolled back or not to be told, 2 not usable as called.
 */
export async function recover(args: readonly string[], context: CommandContext): Promise<number> {
  const { rest, value: name } = takeOption(args, NEW_ORIGIN);
  if (name === '') {
    context.err(`${NEW_ORIGIN} needs the name of the new log, such as example.org/energy-log-2`);
    return 2;
  }
  const { env, workingDirectory } = context;
  try {
    const loaded = await loadConfig({ file: context.configFile(rest), env, workingDirectory });
    const { config, file, plugins } = loaded;
    const { key } = config.log;
    if (typeof key !== 'string' && !existsSync(key.file)) {
      context.err(
        `log_key_unreadable: ${key.file} does not exist. Restore it together with its .mark file; without them nothing can be said of what has been signed.`,
      );
      return 1;
    }
    const gateway = await composeGateway({ config, configFile: file, plugins });
    try {
      const found = await examineLog(gateway, AbortSignal.timeout(ASK_LEDGERS_MS));
      for (const line of state(found, config, gateway.logKeys.markFile)) context.out(line);
      if (found.refusal === undefined) return 0;
      if (args.includes(ADOPT)) {
        const { size } = await adoptStore(gateway, found);
        context.out(
          `adopted: ${gateway.logKeys.markFile} says ${size} batches. Start the gateway.`,
        );
        return 0;
      }
      for (const line of waysOut(found, config, gateway.logKeys.markFile, name)) context.out(line);
      return 1;
    } finally {
      await gateway.stop();
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code } = error as { readonly code?: unknown };
    const known = error instanceof ConfigError || typeof code !== 'string';
    context.err(known ? error.message : `${code}: ${error.message}`);
    return 1;
  }
}

function state(found: LogExamination, config: GatewayConfig, markFile: string): readonly string[] {
  const { mark, ledger, storeSize, waiting } = found;
  return [
    `log        ${config.origin}`,
    `database   ${storeSize} batches, ${waiting} entries waiting for one`,
    `key        ${mark ? `signed up to ${mark.size} batches, root ${toHex(mark.root)}` : 'it is not known what has been signed'} (${markFile})`,
    `ledgers    ${ledger ? `"${ledger.anchor}" holds a commitment of ${ledger.size} batches` : 'hold nothing of this log'}`,
    ...found.unreachable.map((id) => `           "${id}" could not be asked`),
    found.refusal === undefined
      ? 'consistent: the database extends everything that has been signed and published.'
      : `${found.refusal.code}: ${found.refusal.message}`,
  ];
}

function waysOut(
  { mark, ledger, waiting, refusal }: LogExamination,
  config: GatewayConfig,
  markFile: string,
  name: string | undefined,
): readonly string[] {
  const needed = Math.max(mark?.size ?? 0, Number(ledger?.size ?? 0n));
  const back =
    refusal?.code === 'log_rolled_back'
      ? [
          `  (a) restore a copy of the database that holds the ${needed} batches which have been signed, then start again.`,
          '      Copy away this database first: what it took since the restore is acknowledged too.',
        ]
      : [
          `  (a) restore the newest copy of ${markFile}; after a change of the key that is the mark of the key before.`,
          '      One that is not readable or of another log has to be moved away first.',
          '      If no copy is left, and this database is certainly the newest that was ever sealed over:',
          `        gateway recover ${ADOPT}   # writes the mark as this database has it`,
        ];
  return [
    'Sealing stays off, because going on could sign a second checkpoint of one size. Readings are still taken.',
    'Ways out:',
    ...back,
    '  (b) leave this log as it is and go on with a new one, under a new origin. In the configuration:',
    `        origin: ${name ?? 'NAME'}`,
    '        log: { key: { file: NEW_FILE } }     # a new key; it is made at the next start',
    '        store: { url: NEW_DATABASE }         # an empty one',
    `      Keep the old key, its mark and this database: they prove what ${config.origin} holds.`,
    `      The ${waiting} entries that wait here are in no batch; send them again to the new log.`,
    ...(name === undefined ? [`      gateway recover ${NEW_ORIGIN} NAME fills in the name.`] : []),
  ];
}
