import type { ConfigProblem, JsonSchema } from '@wattproof/core/plugins';
import { parse } from 'yaml';
import { propertyNames, schemasAt, typesOf } from './json-schema.js';

const PREFIX = 'WATTPROOF__';

interface Node {
  [key: string]: unknown;
}

/**
 * Applies `WATTPROOF__SECTION__KEY=value` onto a parsed document. Names match keys of the schema, and of
 * the file (instances, plugins' own settings), whatever their case; `maxAgeMs` may be MAXAGEMS or
 * MAX_AGE_MS. A text field takes the value as it is, any other reads it as YAML.
 */
export function applyOverrides(
  document: unknown,
  env: Readonly<Record<string, string | undefined>>,
  schema: JsonSchema,
): { readonly value: unknown; readonly problems: readonly ConfigProblem[] } {
  const value = structuredClone(document ?? {}) as Node;
  const problems: ConfigProblem[] = [];
  // In alphabetic order, so that the outcome does not depend on the environment's.
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.toUpperCase().startsWith(PREFIX) || text === undefined) continue;
    const problem = applyOne(value, name, text, schema);
    if (problem) problems.push({ path: name, message: problem });
  }
  return { value, problems };
}

function applyOne(root: Node, name: string, text: string, schema: JsonSchema): string | undefined {
  const path: string[] = [];
  let node = root;
  const segments = name.slice(PREFIX.length).split('__');
  for (const [index, segment] of segments.entries()) {
    const known = [...Object.keys(node), ...propertyNames(schemasAt(schema, path))];
    const key = known.find((candidate) => plain(candidate) === plain(segment));
    if (key === undefined) {
      const place = path.length === 0 ? 'the configuration' : path.join('.');
      return `${place} has no key like "${segment}"; known are ${[...new Set(known)].sort().join(', ') || 'none'}`;
    }
    path.push(key);
    if (index < segments.length - 1) {
      const next = Object.hasOwn(node, key) ? node[key] : undefined;
      if (
        next !== undefined &&
        (typeof next !== 'object' || next === null || Array.isArray(next))
      ) {
        return `${path.join('.')} is a value and has no keys`;
      }
      node[key] ??= {};
      node = node[key] as Node;
    }
  }
  const last = path.at(-1) as string;
  const types = typesOf(schemasAt(schema, path));
  const isText = types.size === 0 ? typeof node[last] === 'string' : [...types].every(isString);
  try {
    node[last] = isText ? text : parse(text);
    return undefined;
  } catch {
    return 'its value is not valid YAML; quote it';
  }
}

function isString(type: string): boolean {
  return type === 'string';
}

function plain(name: string): string {
  return name.replaceAll(/[_-]/g, '').toLowerCase();
}
