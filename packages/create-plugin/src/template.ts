import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateKind } from './plugin-kinds.js';
import { pascal, type PluginName, snake } from './plugin-name.js';

/** Built or installed: never part of a template. */
const LEFT_OUT = ['node_modules', 'dist'];

/** Files that npm would leave out of a tarball, or take for its own, under their right name. */
const UNPACKED: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  'package.json.txt': 'package.json',
};

/** Text of each file of the new package by its path, names replaced. */
export function readTemplate(
  templates: string,
  kind: TemplateKind,
  { name, coreVersion }: { readonly name: PluginName; readonly coreVersion: string },
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const path of pathsBelow(join(templates, kind))) {
    const text = renamed(readFileSync(join(templates, kind, path), 'utf8'), kind, name);
    const to = UNPACKED[path] ?? renamed(path, kind, name);
    files.set(to, to === 'package.json' ? manifestOf(text, coreVersion) : text);
  }
  return files;
}

function* pathsBelow(folder: string, prefix = ''): Generator<string> {
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    if (LEFT_OUT.includes(entry.name)) continue;
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) yield* pathsBelow(folder, path);
    else yield path;
  }
}

/** The templates are about an imaginary thing called Tally; the word stands nowhere else in them. */
function renamed(text: string, kind: TemplateKind, { full, kebab }: PluginName): string {
  return text
    .replaceAll(`@wattproof/template-${kind}`, full)
    .replaceAll('TALLY', snake(kebab).toUpperCase())
    .replaceAll('Tally', pascal(kebab))
    .replaceAll('tally_', `${snake(kebab)}_`)
    .replaceAll('tally', kebab);
}

/** Publishable, and for the core that this generator was released with. */
function manifestOf(text: string, coreVersion: string): string {
  const { private: _private, ...manifest } = JSON.parse(
    text.replaceAll('workspace:^', `^${coreVersion}`),
  ) as Record<string, unknown>;
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
