import type { BundleSignature } from './bundle.js';
import type { Sha256 } from './contracts.js';
import { batchItemLeaf, batchMessage, signedMessage } from './device-signing.js';
import { verifyEd25519, type Ed25519Equation } from './ed25519.js';
import { rootFromPath } from './inclusion.js';
import type { ReportDraft } from './proof-report.js';
import { decodeSpki, keyIdOf, type SignatureAlgorithm } from './spki.js';

/** Checks an ECDSA signature: 64 bytes r‖s, the SPKI's 65-byte point. `verifyEcdsa` of `/verify/ecdsa` is one. */
export type EcdsaVerify = (
  alg: Exclude<SignatureAlgorithm, 'Ed25519'>,
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

interface SignedEntry {
  readonly format: string;
  readonly bytes: Uint8Array;
  readonly logHash: Uint8Array;
}

/** The message a signature must cover, or undefined when its batch path is impossible. */
function messageOf(
  signature: BundleSignature,
  entry: SignedEntry,
  sha256: Sha256 | undefined,
): Uint8Array | undefined {
  const { keyId, batch } = signature;
  if (batch === undefined) return signedMessage(entry.format, keyId, entry.bytes);
  const { nonce, index, count, path } = batch;
  const leaf = batchItemLeaf(nonce, entry.logHash, sha256);
  const root = rootFromPath({ profile: 'rfc9162', leaf, index, size: count, path }, sha256);
  return root === undefined ? undefined : batchMessage(keyId, count, root);
}

/** Checks a device's signature over an entry and says so in the report. */
export function verifyEntrySignature(
  signature: BundleSignature,
  entry: SignedEntry,
  report: ReportDraft,
  options: {
    readonly ecdsa?: EcdsaVerify;
    readonly equation?: Ed25519Equation;
    readonly sha256?: Sha256;
  },
): void {
  const { alg, keyId, publicKey, value } = signature;
  const fail = (text: string): void => report.fail('device_signature', text);
  const key = decodeSpki(publicKey);
  if (key === undefined || key.alg !== alg) return fail(`the public key is no ${alg} SPKI`);
  if (keyIdOf(publicKey, options.sha256) !== keyId) return fail(`key ${keyId} has another id`);
  let message: Uint8Array | undefined;
  try {
    message = messageOf(signature, entry, options.sha256);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  if (message === undefined) return fail('the path in the signed batch is impossible');
  if (alg === 'Ed25519') {
    if (!verifyEd25519(value, message, key.key, options.equation))
      return fail(`device key ${keyId} did not sign this entry`);
  } else if (options.ecdsa === undefined) {
    return report.skip(
      'device_signature_not_checked',
      `the ${alg} device signature was not checked: pass verifyEcdsa of @wattproof/core/verify/ecdsa`,
    );
  } else if (!options.ecdsa(alg, value, message, key.key)) {
    return fail(`device key ${keyId} did not sign this entry`);
  }
  report.prove('device_signature', `device key ${keyId} signed the entry`);
}
