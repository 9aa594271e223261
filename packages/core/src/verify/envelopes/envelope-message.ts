import type { BundleSignature } from '../bundle.js';
import { chainedBatchMessage, readChainHeader } from './batch-chain.js';
import { coseMessage, readCoseHeader } from './cose.js';
import { EnvelopeError } from './envelope-error.js';
import { jwsMessage, readJwsHeader } from './jws.js';
import type { SignedHeader } from './signed-header.js';

/** What a device wrapped its signature in, and the bytes of it that are signed beside the document. */
export type SignedEnvelope = NonNullable<BundleSignature['envelope']>;

function check(header: SignedHeader, signature: Signature, format: string): void {
  const { alg, keyId } = signature;
  if (header.alg !== alg)
    throw new EnvelopeError(
      'alg_not_allowed',
      `the envelope says ${header.alg}, the key is ${alg}`,
    );
  if (header.keyId !== undefined && header.keyId !== keyId)
    throw new EnvelopeError(
      'envelope_unknown',
      `the envelope is of key ${header.keyId}, not ${keyId}`,
    );
  if (header.format !== format)
    throw new EnvelopeError(
      'envelope_unknown',
      `the envelope signs ${header.format}, not ${format}`,
    );
}

type Signature = Pick<BundleSignature, 'alg' | 'keyId' | 'batch'>;

/**
 * The signed bytes of a document in an envelope, rebuilt from its canonical bytes (`jws`, `cose`), or of the batch it came in (`chain`;
 * `root` is that of the readings' tree). Throws `EnvelopeError` when the envelope says something else than the proof.
 */
export function envelopeMessage(
  { type, header }: SignedEnvelope,
  signature: Signature,
  entry: { readonly format: string; readonly bytes: Uint8Array },
  root?: Uint8Array,
): Uint8Array {
  if (type === 'chain' && signature.batch !== undefined && root !== undefined)
    return chainedBatchMessage(
      signature.keyId,
      signature.batch.count,
      root,
      readChainHeader(header),
    );
  if (type === 'jws' && root === undefined) {
    const read = readJwsHeader(header);
    check(read, signature, entry.format);
    return jwsMessage(header, read.b64, entry.bytes);
  }
  if (type === 'cose' && root === undefined) {
    const read = readCoseHeader(header);
    check(read, signature, entry.format);
    return coseMessage(header, read.cbor, entry.bytes);
  }
  throw new EnvelopeError('envelope_unknown', 'the envelope is of a kind that is not known here');
}
