import { createHash } from 'node:crypto';
import type { JsonObject, Plugin } from '../spi/index.js';
import { canonicalJsonBytes, canonicalizeJsonText } from '../verify/rfc8785.js';
import { FINDING_VERSION } from './finding-document.js';
import { BUILT_IN_DETECTORS } from './built-in-detectors.js';
import { DETACHED } from './open-detectors.js';

/** What became of a finding that was computed again. */
export interface Recomputed {
  /** True when the stored inputs, settings and version lead to the very finding. */
  readonly same: boolean;
  /** SHA-256 (hex) of the document: what the log entry `finding/1` names as `finding`. */
  readonly hash: string;
  /** What differs, for a person; empty when it is the same. */
  readonly differences: readonly string[];
}

/** A document that is no finding, or of a detector that is not at hand. */
export class FindingUnreadable extends Error {
  override readonly name = 'FindingUnreadable';
  readonly code = 'finding_unreadable';
}

interface FindingDocument {
  readonly detector: { readonly name: string; readonly version: number; readonly config: unknown };
  readonly inputs: JsonObject;
  readonly finding: JsonObject;
}

/** The plugin of a detector of core by its name. */
export function builtInPlugin(name: string): Plugin | undefined {
  return Object.values(BUILT_IN_DETECTORS).find((plugin) => plugin.name === name);
}

/**
 * Computes a stored finding again, from nothing but its document and the detector's code. `pluginOf`: the plugin of a name,
 * by default one of core; throws `FindingUnreadable` when the text is no finding or the detector is unknown.
 */
export async function recompute(
  text: string | Uint8Array,
  pluginOf: (name: string) => Plugin | undefined = builtInPlugin,
): Promise<Recomputed> {
  const { bytes, document } = read(text);
  const { detector, inputs, finding } = document;
  const hash = createHash('sha256').update(bytes).digest('hex');
  const plugin = pluginOf(detector.name);
  if (plugin?.kind !== 'detector')
    throw new FindingUnreadable(`no detector ${detector.name} is at hand; install it`);
  const { capabilities, config } = plugin as Plugin<'detector'>;
  if (capabilities.version !== detector.version)
    throw new FindingUnreadable(
      `the finding is of version ${detector.version} of ${detector.name}, at hand is ${capabilities.version}`,
    );
  const settings = await config['~standard'].validate(detector.config);
  if (settings.issues)
    throw new FindingUnreadable(
      `its settings are none of ${detector.name}: ${settings.issues[0]?.message}`,
    );
  const again = (plugin as Plugin<'detector'>).create(settings.value, DETACHED).recompute(inputs);
  if (again === undefined)
    return { same: false, hash, differences: ['the inputs lead to no finding'] };
  const differences = (['code', 'action', 'detail'] as const)
    .filter((name) => again[name] !== finding[name])
    .map(
      (name) =>
        `${name} is ${JSON.stringify(again[name])}, stored is ${JSON.stringify(finding[name])}`,
    );
  return { same: differences.length === 0, hash, differences };
}

function read(text: string | Uint8Array): { bytes: Uint8Array; document: FindingDocument } {
  let bytes: Uint8Array;
  let document: unknown;
  try {
    bytes = canonicalizeJsonText(text);
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new FindingUnreadable(`not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isFinding(document)) throw new FindingUnreadable(`not a ${FINDING_VERSION} document`);
  return { bytes, document };
}

function isFinding(value: unknown): value is FindingDocument {
  const isObject = (one: unknown): one is Record<string, unknown> =>
    typeof one === 'object' && one !== null && !Array.isArray(one);
  return (
    isObject(value) &&
    value['v'] === FINDING_VERSION &&
    isObject(value['detector']) &&
    typeof value['detector']['name'] === 'string' &&
    isObject(value['inputs']) &&
    isObject(value['finding']) &&
    canonicalJsonBytes(value).length > 0
  );
}
