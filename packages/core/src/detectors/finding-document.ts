import { createHash } from 'node:crypto';
import type { DetectorFinding, JsonObject } from '../spi/index.js';
import { toHex } from '../verify/bytes.js';
import { canonicalJsonBytes } from '../verify/rfc8785.js';
import { type ActiveDetector, hashOf } from './active-detector.js';
import type { CommittedReading, Finding } from './finding.store.js';

export const FINDING_VERSION = 'wattproof.finding/1';

/** All that one finding follows from, in a form that has one hash. Nothing in it depends on when it was found. */
export function findingOf(
  { id, name, capabilities, config }: ActiveDetector,
  { entryId, logHash }: Pick<CommittedReading, 'entryId' | 'logHash'>,
  register: string,
  { code, action, detail, inputs }: DetectorFinding,
): Finding {
  const document = canonicalJsonBytes({
    v: FINDING_VERSION,
    detector: { id, name, version: capabilities.version, config },
    reading: toHex(logHash),
    register,
    inputs,
    finding: { code, action, detail },
  });
  const hash = createHash('sha256').update(document).digest('hex');
  return { entryId, register, detector: id, code, action, hash, document };
}

/** The document of the log entry that states a finding (`finding/1`): it commits to the finding and tells nothing of its figures. */
export function statement(
  active: ActiveDetector,
  { logHash }: Pick<CommittedReading, 'logHash'>,
  { register, code, action, hash }: Finding,
): JsonObject {
  return {
    v: 'finding/1',
    reading: toHex(logHash),
    register,
    detector: active.name,
    version: active.capabilities.version,
    config: hashOf(active.config),
    code,
    action,
    finding: hash,
  };
}

/** The rules behind a verdict `flagged`: those of ingestion, and the findings it is given for. Hex, for verdict and receipt. */
export function flaggedRules(rules: string, findings: readonly Finding[]): string {
  const hashes = findings.map(({ hash }) => hash).sort();
  return hashOf({ v: 'wattproof.flags/1', rules, findings: hashes });
}
