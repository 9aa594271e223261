import { resolve } from 'node:path';
import { isTemplateKind, PLUGIN_KINDS, type TemplateKind } from './plugin-kinds.js';
import { type PluginName, pluginName } from './plugin-name.js';

const KINDS = Object.keys(PLUGIN_KINDS).join(' | ');

export const USAGE = `usage: npm create @wattproof/plugin KIND NAME [-- --dir DIR]
  KIND       ${KINDS}
  NAME       name of the npm package, such as anchor-mychain or @example/anchor-mychain
  --dir DIR  folder of the new package (default: NAME without its scope)`;

/** What was asked for, or what is wrong with it. */
export function readArguments(
  args: readonly string[],
  cwd: string,
): { readonly kind: TemplateKind; readonly name: PluginName; readonly folder: string } | string {
  const words: string[] = [];
  let dir: string | undefined;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] as string;
    if (arg === '--dir') dir = args[(at += 1)] ?? '';
    else if (arg.startsWith('--dir=')) dir = arg.slice('--dir='.length);
    else if (arg.startsWith('-')) return `unknown option ${arg}`;
    else words.push(arg);
  }
  const [kind = '', full, ...more] = words;
  if (!isTemplateKind(kind)) return `KIND is ${KINDS}, got ${JSON.stringify(kind)}`;
  if (full === undefined) return 'NAME is missing';
  if (more.length > 0) return `one NAME is enough, got also ${more.join(' ')}`;
  if (dir === '') return '--dir needs a folder';
  const name = pluginName(full);
  if (typeof name === 'string') return name;
  return { kind, name, folder: resolve(cwd, dir ?? name.unscoped) };
}
