import { checkBundle } from './check-bundle.js';
import type { VerifyOptions } from './verify-options.js';
import { envelopeMessage } from './envelopes/envelope-message.js';
import { defaultFormats } from './formats/default-formats.js';
import type { ProofReport } from './proof-report.js';

/**
 * `checkBundle` that also reads the entry back in its format, so that bytes under a known format's name are that format's canonical bytes.
 * Without `formats` those of `canonicalize` are known, without `envelopes` those of this package.
 */
export function verifyProof(
  source: string | Uint8Array | object,
  options: VerifyOptions = {},
): Promise<ProofReport> {
  return checkBundle(source, { formats: defaultFormats, envelopes: envelopeMessage, ...options });
}
