import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a command may know of the world it runs in. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Absolute path of the file named on the command line, by WATTPROOF_CONFIG, or of the demo preset. */
  readonly configFile: (args: readonly string[]) => string;
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
