import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The file a plugin is imported from, and the package it belongs to. */
export interface PluginLocation {
  readonly url: string;
  readonly package: { readonly name: string; readonly version: string } | undefined;
}

/**
 * `missing`: no such package or file. `no-door`: the package is there, this subpath is not exported.
 * `no-entry`: the package is there, the file its exports name is not (not built, or broken install).
 */
export type ResolveFailure = 'missing' | 'no-door' | 'no-entry';

export class ResolveError extends Error {
  override readonly name = 'ResolveError';

  constructor(
    readonly failure: ResolveFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const IMPORT_CONDITIONS: ReadonlySet<string> = new Set([
  'node',
  'import',
  'module-sync',
  'default',
]);

/**
 * Finds `use` as Node would from each of `bases` (absolute file paths), first hit wins. The first base is
 * the configuration file, so operators install plugins beside it; relative paths are looked up only there.
 */
export function resolvePlugin(use: string, bases: readonly string[]): PluginLocation {
  const isFile = /^\.{0,2}\//.test(use);
  let failure: ResolveError | undefined;
  for (const base of isFile ? bases.slice(0, 1) : bases) {
    try {
      const file = isFile ? existing(resolve(dirname(base), use)) : resolvePackage(use, base);
      return { url: pathToFileURL(file).href, package: packageOf(file) };
    } catch (error) {
      if (!(error instanceof ResolveError)) throw error;
      // "Installed but broken" says more than "not installed" from another place.
      if (!failure || failure.failure === 'missing') failure = error;
    }
  }
  throw failure ?? new ResolveError('missing', 'no place to look in');
}

function existing(file: string): string {
  if (existsSync(file)) return file;
  throw new ResolveError('missing', `no file ${file}`);
}

function resolvePackage(use: string, base: string): string {
  const require = createRequire(base);
  try {
    const file = require.resolve(use);
    // A name without a folder, `fs`, is Node's own and never a plugin.
    if (!file.includes('/') && !file.includes('\\')) throw new ResolveError('missing', file);
    return file;
  } catch (cause) {
    if (cause instanceof ResolveError) throw cause;
    const folder = packageFolder(use, base);
    if (!folder) throw new ResolveError('missing', messageOf(cause), { cause });
    const target = importTarget(use, folder);
    if (target === undefined) throw new ResolveError('no-door', messageOf(cause), { cause });
    const file = join(folder, target);
    if (existsSync(file)) return file;
    throw new ResolveError('no-entry', `its entry file ${file} does not exist`, { cause });
  }
}

/** `require.resolve` does not see exports for `import` alone, so those are read here (no patterns). */
function importTarget(use: string, folder: string): string | undefined {
  const { exports, main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    exports?: unknown;
    main?: string;
  };
  const name = packageName(use);
  const subpath = `.${use.slice(name.length)}`;
  if (exports === undefined || exports === null)
    return subpath === '.' ? (main ?? 'index.js') : subpath;
  const isMap =
    typeof exports === 'object' && Object.keys(exports).every((key) => key.startsWith('.'));
  const door = isMap ? (exports as Record<string, unknown>)[subpath] : exports;
  return isMap || subpath === '.' ? conditional(door) : undefined;
}

function conditional(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object' || target === null) return undefined;
  for (const [condition, value] of Object.entries(target)) {
    if (!IMPORT_CONDITIONS.has(condition)) continue;
    const found = conditional(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function packageName(use: string): string {
  return use
    .split('/')
    .slice(0, use.startsWith('@') ? 2 : 1)
    .join('/');
}

function packageFolder(use: string, base: string): string | undefined {
  for (let folder = dirname(base); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', packageName(use));
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

function packageOf(file: string): PluginLocation['package'] {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name !== undefined) return { name, version: version ?? '0.0.0' };
    }
    if (dirname(folder) === folder) return undefined;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
}
