import type { BundleSignature } from './bundle.js';
import type { Sha256 } from './contracts.js';
import {
  batchItemLeaf,
  batchMessage,
  SignedMessageError,
  signedMessage,
} from './device-signing.js';
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

/** Signed bytes of a document in an envelope; throws when it is none. `envelopeMessage` of `/verify/envelopes` is one. */
export type EnvelopeMessage = (
  envelope: NonNullable<BundleSignature['envelope']>,
  signature: BundleSignature,
  entry: SignedEntry,
  root?: Uint8Array,
) => Uint8Array;

interface SignedEntry {
  readonly format: string;
  readonly bytes: Uint8Array;
  readonly logHash: Uint8Array;
}

/** The message a signature must cover. Throws `bad_signed_field` and what `envelopes` throws. */
function messageOf(
  signature: BundleSignature,
  entry: SignedEntry,
  sha256: Sha256 | undefined,
  envelopes: EnvelopeMessage | undefined,
): Uint8Array {
  const { keyId, batch, envelope } = signature;
  let root: Uint8Array | undefined;
  if (batch !== undefined) {
    const { nonce, index, count: size, path } = batch;
    const leaf = batchItemLeaf(nonce, entry.logHash, sha256);
    root = rootFromPath({ profile: 'rfc9162', leaf, index, size, path }, sha256);
    if (root === undefined)
      throw new SignedMessageError('the path in the signed batch is impossible');
  }
  if (envelope !== undefined) return envelopes!(envelope, signature, entry, root);
  return root === undefined
    ? signedMessage(entry.format, keyId, entry.bytes)
    : batchMessage(keyId, batch!.count, root);
}

/** Checks a device's signature over an entry and says so in the report. */
export function verifyEntrySignature(
  signature: BundleSignature,
  entry: SignedEntry,
  report: ReportDraft,
  options: {
    readonly ecdsa?: EcdsaVerify;
    readonly envelopes?: EnvelopeMessage;
    readonly equation?: Ed25519Equation;
    readonly sha256?: Sha256;
  },
): void {
  const { alg, keyId, publicKey, value } = signature;
  const fail = (text: string): void => report.fail('device_signature', text);
  const key = decodeSpki(publicKey);
  if (key === undefined || key.alg !== alg) return fail(`the public key is no ${alg} SPKI`);
  if (keyIdOf(publicKey, options.sha256) !== keyId) return fail(`key ${keyId} has another id`);
  const unchecked = (what: string, how: string): void =>
    report.skip(
      'device_signature_not_checked',
      `the ${what} device signature was not checked: pass ${how}`,
    );
  let message: Uint8Array;
  if (signature.envelope !== undefined && options.envelopes === undefined)
    return unchecked(
      signature.envelope.type,
      'envelopeMessage of @wattproof/core/verify/envelopes',
    );
  try {
    message = messageOf(signature, entry, options.sha256, options.envelopes);
  } catch (error) {
    return fail((error as Error).message);
  }
  if (alg !== 'Ed25519' && options.ecdsa === undefined)
    return unchecked(alg, 'verifyEcdsa of @wattproof/core/verify/ecdsa');
  const isValid =
    alg === 'Ed25519'
      ? verifyEd25519(value, message, key.key, options.equation)
      : options.ecdsa!(alg, value, message, key.key);
  if (!isValid) return fail(`device key ${keyId} did not sign this entry`);
  report.prove('device_signature', `device key ${keyId} signed the entry`);
}
