import { relative } from 'node:path';
import { readArguments, USAGE } from './arguments.js';
import { CannotCreate } from './cannot-create.js';
import { PLUGIN_KINDS } from './plugin-kinds.js';
import { readTemplate } from './template.js';
import { writePackage } from './write-package.js';

/** What the command needs from the machine. */
export interface CreatePluginHost {
  /** Absolute; where a new folder goes and what `--dir` is relative to. */
  readonly folder: string;
  /** Folder with one template per kind. */
  readonly templates: string;
  /** Version of `@wattproof/core` that the new package is for. */
  readonly coreVersion: string;
  out(line: string): void;
  err(line: string): void;
}

/** Runs `create-plugin` and says the exit code: 0 written, 1 not written, 2 not usable as called. Never throws. */
export function runCreatePlugin(args: readonly string[], host: CreatePluginHost): number {
  if (args.includes('--help') || args.includes('-h')) {
    host.out(USAGE);
    return 0;
  }
  const asked = readArguments(args, host.folder);
  if (typeof asked === 'string') {
    host.err(`${asked}\n${USAGE}`);
    return 2;
  }
  const { kind, name, folder } = asked;
  try {
    const files = readTemplate(host.templates, kind, { name, coreVersion: host.coreVersion });
    writePackage(folder, files);
    const shown = relative(host.folder, folder) || '.';
    host.out(`${name.full}: ${files.size} files in ${shown}`);
    host.out(`next: cd ${shown} && npm install && npm test`);
    host.out(`then: ${PLUGIN_KINDS[kind].next}`);
    return 0;
  } catch (error) {
    host.err(error instanceof CannotCreate ? error.message : String(error));
    return 1;
  }
}
