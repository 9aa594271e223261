import type { JsonSchema } from '@wattproof/core/plugins';
import { type Path, schemasAt } from './json-schema.js';

const HIDDEN = '[redacted]';
/** Plugins of other authors may not mark their secrets; these names are hidden whoever declares them. */
const TELLING_NAME =
  /(password|passphrase|secret|token|credential|mnemonic|api-?_?key|private-?_?key|^wif$|^seed(phrase)?$)/i;

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
  const text = String(value);
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  if (url) {
    return text
      .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@]*?):[^/?#]*@/i, `$1:${HIDDEN}@`)
      .replaceAll(/([?&][^=&#]*(?:password|token|secret|key)[^=&#]*=)[^&#]*/gi, `$1${HIDDEN}`);
  }
  const isMarked = schemasAt(schema, path).some(
    (candidate) => candidate.secret === true && candidate.type !== 'object',
  );
  const name = path.findLast((key) => typeof key === 'string') ?? '';
  // `seed` of the simulator is a number and no secret; secrets are text.
  return isMarked || (typeof value === 'string' && TELLING_NAME.test(name)) ? HIDDEN : value;
}
