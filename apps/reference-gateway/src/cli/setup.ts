import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createPlugins, PluginErrors } from '@wattproof/core/plugins';
import { type Anchor, type AnchorTask, isAnchorError } from '@wattproof/core/spi';
import { ConfigError } from '../config/config-errors.js';
import { loadConfig } from '../config/load-config.js';
import { gatewayLogger } from '../logger.js';
import { type CommandContext, takeOption } from './command.js';

const CONFIG = '--file';
const DRY_RUN = '--dry-run';
/** A transaction that no block takes for so long waits for cheaper gas. */
const DONE_WITHIN_MS = 600_000;

/**
 * `gateway setup ID [TASK] [--dry-run] [--NAME VALUE | --NAME-file FILE] [--file CONFIG]`: has an anchor of the configuration do what is done once on
 * its ledger; without TASK, says what there is. Nothing is started and no store is opened. Exit 0 done, 1 refused, 2 not
 * usable as called.
 */
export async function setup(args: readonly string[], context: CommandContext): Promise<number> {
  const { rest, value: file } = takeOption(args, CONFIG);
  const read = readArguments(
    rest.filter((word) => word !== DRY_RUN),
    context.workingDirectory,
  );
  if (file === '' || 'wrong' in read) {
    context.err('wrong' in read ? read.wrong : `${CONFIG} needs the configuration file`);
    return 2;
  }
  try {
    const anchor = await anchorOf(read.id, context.configFile(file ? [file] : []), context);
    const tasks = anchor?.tasks ?? {};
    const task = Object.hasOwn(tasks, read.task ?? '') ? tasks[read.task ?? ''] : undefined;
    const wrong = read.task === undefined ? undefined : misuseOf(read, task, tasks);
    if (wrong !== undefined) {
      context.err(wrong);
      return 2;
    }
    if (task === undefined) for (const line of listed(read.id, tasks)) context.out(line);
    const signal = AbortSignal.timeout(DONE_WITHIN_MS);
    const { values } = read;
    await task?.run({ values, dryRun: rest.includes(DRY_RUN), out: context.out, signal });
    await anchor?.close();
    return 0;
  } catch (error) {
    if (isAnchorError(error)) context.err(`${error.reason}: ${error.message}`);
    else if (error instanceof ConfigError || error instanceof PluginErrors)
      context.err(error.message);
    else throw error;
    return 1;
  }
}

interface Arguments {
  readonly id: string;
  readonly task: string | undefined;
  readonly values: Readonly<Record<string, string>>;
}

/** Secrets come as files: other users of the machine can read a command line. */
function readArguments(
  args: readonly string[],
  workingDirectory: string,
): Arguments | { readonly wrong: string } {
  const words: string[] = [];
  const values: Record<string, string> = {};
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] as string;
    if (!word.startsWith('--')) {
      words.push(word);
      continue;
    }
    const [, name = '', inline] = /^--([^=]*)=?(.*)$/s.exec(word) ?? [];
    const value = word.includes('=') ? inline : args[(at += 1)];
    if (value === undefined || value === '') return { wrong: `--${name} needs a value` };
    const fromFile = name.endsWith('-file');
    try {
      values[fromFile ? name.slice(0, -5) : name] = fromFile
        ? readFileSync(resolve(workingDirectory, value), 'utf8').trim()
        : value;
    } catch {
      return { wrong: `--${name}: ${value} cannot be read` };
    }
  }
  const [id, task, ...more] = words;
  if (id === undefined) return { wrong: 'gateway setup needs the ID of an anchor' };
  if (more.length > 0)
    return {
      wrong: `gateway setup takes an ID and a TASK, got ${words.length} words; the configuration is named by --file FILE`,
    };
  return { id, task, values };
}

/** The one anchor, lent nothing but its context; undefined for one that needs a running gateway, and so has no tasks. */
async function anchorOf(
  id: string,
  path: string,
  context: CommandContext,
): Promise<Anchor | undefined> {
  const { env, workingDirectory } = context;
  const { config, file, plugins } = await loadConfig({ file: path, env, workingDirectory });
  const anchors = plugins.filter(({ entry }) => entry.kind === 'anchor');
  const wanted = anchors.filter(({ entry }) => entry.instanceId === id);
  if (wanted.length === 0) {
    const known = anchors.map(({ entry }) => entry.instanceId).join(', ') || 'none';
    const message = `there is no such anchor; configured: ${known}`;
    throw new ConfigError(file, [{ path: `anchors.${id}`, message }]);
  }
  if (Object.keys(wanted[0]?.plugin.capabilities.needs ?? {}).length > 0) return undefined;
  const logger = gatewayLogger('error');
  const clock = { nowMs: () => Date.now() };
  const contextFor = async () => ({ instanceId: id, origin: config.origin, logger, clock });
  const [built] = await createPlugins(wanted, { contextFor }, file);
  return built?.instance as Anchor;
}

function misuseOf(
  { id, task, values }: Arguments,
  found: AnchorTask | undefined,
  tasks: Readonly<Record<string, AnchorTask>>,
): string | undefined {
  if (found === undefined)
    return `anchor "${id}" has no task ${task}; it has ${Object.keys(tasks).join(', ') || 'none'}`;
  const strange = Object.keys(values).find((name) => !Object.hasOwn(found.values ?? {}, name));
  return strange === undefined ? undefined : `${task} takes no --${strange}`;
}

function listed(id: string, tasks: Readonly<Record<string, AnchorTask>>): readonly string[] {
  const lines = Object.entries(tasks).flatMap(([name, { about, values = {} }]) => [
    `${name}  ${about}`,
    ...Object.entries(values).map(([value, what]) => `    --${value}  ${what}`),
  ]);
  return lines.length > 0 ? lines : [`anchor "${id}" has no tasks`];
}
