import { type ConfigProblem, type ConfiguredPlugin, PluginErrors } from '@wattproof/core/plugins';
import { ConfigError } from '../config/config-errors.js';
import { describeBlocks, guardProblems, loadConfiguredPlugins } from '../config/plugin-sources.js';
import { readConfig } from '../config/read-config.js';
import { durabilityOf, durabilityProblem, warningsFor } from '../config/warnings.js';
import type { CommandContext } from './command.js';
import { messageSystems } from './message-systems.js';
import { table } from './table.js';

const HEAD = ['instance', 'kind', 'package', 'version', 'spi', 'capabilities'];

/**
 * `gateway check [FILE] [--print]`: reads the configuration, loads every plugin, starts nothing. Prints the
 * instances, message systems and warnings, with `--print` the whole configuration without secrets. Exit 0 sound, 1 problems.
 */
export async function check(args: readonly string[], context: CommandContext): Promise<number> {
  const file = context.configFile(args);
  try {
    const read = await readConfig({ ...context, file, describeBlock: describeBlocks(file) });
    if (args.includes('--print')) context.out(JSON.stringify(read.printable, null, 2));
    const durability = durabilityProblem(read.config, durabilityOf(read.config.store.url));
    const messages = messageSystems(read.config, context.versionOf);
    const problems = [
      ...(durability ? [durability] : []),
      ...(await pluginProblems(read.config, file)),
      ...messages.problems,
    ];
    if (problems.length > 0) {
      if (messages.problems.length > 0 && messages.table) context.out(messages.table);
      return report(context, file, problems);
    }
    const plugins = await loadConfiguredPlugins(read.config, file);
    const unguarded = await guardProblems(read.config, plugins);
    if (unguarded.length > 0) return report(context, file, unguarded);
    context.out(table(HEAD, plugins.map(row)));
    if (messages.table) context.out(`\n${messages.table}\n`);
    for (const warning of [...read.exposed, ...warningsFor(read.config, plugins)])
      context.out(`warning: ${warning}`);
    context.out(`${file} is sound.`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Plugins are looked at all the same, so that one run shows everything there is to correct.
    const known = new Set(error.problems.map(({ path }) => path));
    const found = error.sections ? await pluginProblems(error.sections, file, known) : [];
    return report(context, file, [...error.problems, ...found]);
  }
}

async function pluginProblems(
  sections: NonNullable<ConfigError['sections']>,
  file: string,
  known: ReadonlySet<string> = new Set(),
): Promise<readonly ConfigProblem[]> {
  try {
    await loadConfiguredPlugins(sections, file);
    return [];
  } catch (error) {
    if (!(error instanceof PluginErrors)) throw error;
    return (
      error.errors
        // A field that could not be read at all is reported as that, not again as missing.
        .filter(({ problems }) => !problems.length || problems.some(({ path }) => !known.has(path)))
        .map(({ path, message }) => ({ path, message }))
    );
  }
}

function report(context: CommandContext, file: string, problems: readonly ConfigProblem[]): number {
  context.err(`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${file}:`);
  for (const { path, message } of problems) context.err(`  ${path || '(file)'}: ${message}`);
  return 1;
}

function row({ entry, plugin, package: owner }: ConfiguredPlugin): readonly string[] {
  const { needs, ...capabilities } = plugin.capabilities;
  const said = Object.entries(capabilities).map(([name, value]) => `${name}=${String(value)}`);
  const lent = Object.keys(needs ?? {}).map((name) => `needs=${name}`);
  return [
    entry.instanceId,
    plugin.kind,
    owner?.name ?? entry.use,
    owner?.version ?? '-',
    String(plugin.spi),
    [...said, ...lent].join(' '),
  ];
}
