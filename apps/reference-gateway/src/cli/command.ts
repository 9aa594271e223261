import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a command may know of the world it runs in. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Absolute path of the file named on the command line, by WATTPROOF_CONFIG, or of the demo preset. */
  readonly configFile: (args: readonly string[]) => string;
  /** Version of a package as core finds it, undefined when it is not there; absent: looked up. */
  readonly versionOf?: (name: string) => string | undefined;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** Exit code 0 done, 1 not sound or failed, 2 not usable as called. */
export type Command = (args: readonly string[], context: CommandContext) => Promise<number>;

export const DEMO_PRESET = fileURLToPath(new URL('../../presets/demo.yaml', import.meta.url));

export function commandContext(options: Omit<CommandContext, 'configFile'>): CommandContext {
  const { env, workingDirectory } = options;
  return {
    ...options,
    configFile: (args) => {
      const named = args.find((arg) => !arg.startsWith('-')) ?? env.WATTPROOF_CONFIG;
      return named ? resolve(workingDirectory, named) : DEMO_PRESET;
    },
  };
}

/** Options of each command; true for those with a value. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  anchors: { '--file': true, '--url': true },
  check: { '--print': false },
  'rotate-key': { '--to': true },
  recover: { '--adopt-new-origin': true, '--adopt-database': false },
  schema: {},
  start: {},
};

/** What is wrong with the arguments of a command, so that a mistyped option is never taken for none; undefined when nothing is. */
export function misuse(name: string, args: readonly string[]): string | undefined {
  // What options this one has, an anchor says.
  if (name === 'setup') return undefined;
  const known = OPTIONS[name] ?? {};
  let files = 0;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] as string;
    const [option = '', inline] = arg.split('=');
    if (!arg.startsWith('-')) files += 1;
    else if (!Object.hasOwn(known, option)) return `gateway ${name} has no option ${option}`;
    else if (known[option] && inline === undefined) at += 1;
    else if (!known[option] && inline !== undefined) return `${option} takes no value`;
  }
  // The words of this one are an action and an anchor; it says itself what is wrong with them.
  if (name === 'anchors') return undefined;
  return files > 1 ? `gateway ${name} reads one FILE, got ${files}` : undefined;
}

/** Takes an option with a value, `--name VALUE` or `--name=VALUE`, out of the arguments; an empty value when it has none. */
export function takeOption(
  args: readonly string[],
  option: string,
): { readonly rest: readonly string[]; readonly value: string | undefined } {
  const at = args.findIndex((arg) => arg === option || arg.startsWith(`${option}=`));
  if (at < 0) return { rest: args, value: undefined };
  const inline = args[at]?.slice(option.length + 1);
  const isInline = args[at] !== option;
  return {
    rest: args.toSpliced(at, isInline ? 1 : 2),
    value: isInline ? inline : (args[at + 1] ?? ''),
  };
}
