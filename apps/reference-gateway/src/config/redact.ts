import type { JsonSchema } from '@wattproof/core/plugins';
import { type Path, schemasAt } from './json-schema.js';

const HIDDEN = '[redacted]';
/** Plugins of other authors may not mark their secrets; these names are hidden whoever declares them. */
const TELLING_NAME =
  /(password|passphrase|secret|token|credential|mnemonic|api-?_?key|private-?_?key|^wif$|^seed(phrase)?$)/i;

const URL_SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** A copy that may be shown: what the schema marks as secret, telling names and passwords in URLs hidden. */
export function redact(config: unknown, schema: JsonSchema): unknown {
  const visit = (node: unknown, path: Path): unknown => {
    if (isScalar(node) && node !== undefined && node !== null) return scalar(node, path, schema);
    if (Array.isArray(node)) return node.map((item, index) => visit(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => [key, visit(item, [...path, key])]),
    );
  };
  return visit(config, []);
}

function isScalar(node: unknown): boolean {
  return typeof node !== 'object';
}

function scalar(value: unknown, path: Path, schema: JsonSchema): unknown {
  const isMarked = schemasAt(schema, path).some(({ secret }) => secret === true);
  const name = path.findLast((key) => typeof key === 'string') ?? '';
  const url = typeof value === 'string' && URL_SCHEME.exec(value)?.[1];
  // Of a database one wants to see which; the whole address of a web hook is its secret.
  if (url && !(isMarked && /^https?$/i.test(url))) return shownUrl(value);
  // `seed` of the simulator is a number and no secret; secrets are text.
  return isMarked || (typeof value === 'string' && TELLING_NAME.test(name)) ? HIDDEN : value;
}

/** Without its password, and without what looks like an access key wherever providers put one. */
function shownUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@]*?):[^/?#]*@/i, `$1:${HIDDEN}@`)
    .replaceAll(/([?&][^=&#]*(?:password|token|secret|key|auth)[^=&#]*=)[^&#]*/gi, `$1${HIDDEN}`)
    .replaceAll(/(?<=[/=])(?=[a-z_-]*\d)(?=[\d_-]*[a-z])[\w-]{20,}(?=[/?&#@]|$)/gi, HIDDEN);
}
