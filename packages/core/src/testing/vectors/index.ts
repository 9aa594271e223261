import type { VectorRunner } from './vector-case.js';

/** Families of test vectors and how to run them. A runner is loaded when it is needed. */
export const vectorFamilies: Readonly<Record<string, () => Promise<{ run: VectorRunner }>>> = {
  'batch-log': () => import('./batch-log.js'),
  bundle: () => import('./bundle.js'),
  checkpoint: () => import('./checkpoint.js'),
  commitment: () => import('./commitment.js'),
  'device-signing': () => import('./device-signing.js'),
  // Further cases of the same structure: which values emlog-1.1 turns into which.
  emlog_coercions: () => import('./kwh_canonical_leaf.js'),
  gridtokenx_meter_signature: () => import('./gridtokenx_meter_signature.js'),
  kwh_api_shapes: () => import('./kwh_api_shapes.js'),
  kwh_canonical_leaf: () => import('./kwh_canonical_leaf.js'),
  kwh_merkle: () => import('./kwh_merkle.js'),
  kwh_mqtt_bridge: () => import('./kwh_mqtt_bridge.js'),
  envelopes: () => import('./envelopes.js'),
  'ocmf-records': () => import('./ocmf-records.js'),
  receipt: () => import('./receipt.js'),
  rfc6962: () => import('./rfc6962.js'),
  rfc8785: () => import('./rfc8785.js'),
};

/**
 * Family of a vector file by its name: the part before the first dot, else the longest family name it begins with
 * (`kwh_merkle_more.json`). Undefined when none does.
 */
export function vectorFamilyOf(
  fileName: string,
  families: readonly string[] = Object.keys(vectorFamilies),
): string | undefined {
  const stem = fileName.split('.', 1)[0] ?? '';
  return families
    .filter((family) => stem === family || /^[^a-z0-9]/i.test(rest(stem, family)))
    .toSorted((a, b) => b.length - a.length)[0];
}

function rest(stem: string, family: string): string {
  return stem.startsWith(family) ? stem.slice(family.length) : '';
}

export type { VectorRunner } from './vector-case.js';
