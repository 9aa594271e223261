import {
  EnvelopeError,
  jsonOfCborPayload,
  lowSSignature,
  readCoseHeader,
  readJwsHeader,
  splitCose,
  splitJws,
} from '../verify/envelopes/index.js';
import type { Envelope } from './envelope.js';
import { Refusal } from './refusal.js';

/** The document beside a detached signature, as it came. */
type Content = Envelope['content'];

/** What an envelope's own errors are to a sender; anything else is a bug. */
function refusing(read: () => Envelope | Refusal): Envelope | Refusal {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return new Refusal(error.code, error.message);
  }
}

function contentOf(
  kind: string,
  payload: Content | undefined,
  beside: Content | undefined,
): Content | Refusal {
  if (payload !== undefined && beside !== undefined)
    return new Refusal(
      'envelope_invalid',
      `the ${kind} has a payload; leave "document" and "bytes" out`,
    );
  return (
    payload ??
    beside ??
    new Refusal(
      'envelope_incomplete',
      `the ${kind} is detached; send "document" or "bytes" with it`,
    )
  );
}

/** An envelope whose signature is a compact JWS; `beside` is the document when it is detached. */
export function readJws(compact: string, beside?: Content): Envelope | Refusal {
  return refusing(() => {
    const { header, payload, signature } = splitJws(compact);
    const { alg, keyId, format, b64 } = readJwsHeader(header);
    if (payload !== undefined && !b64)
      return new Refusal(
        'jws_invalid',
        'a JWS with "b64": false is detached here; send "document" or "bytes" with it',
      );
    const content = contentOf('JWS', payload && { kind: 'bytes', bytes: payload }, beside);
    if (content instanceof Refusal) return content;
    const value = lowSSignature(alg, signature);
    return { format, content, signature: { alg, keyId, value, envelope: { type: 'jws', header } } };
  });
}

/** An envelope whose signature is a COSE_Sign1; `beside` is the document when it is detached. */
export function readCose(bytes: Uint8Array, beside?: Content): Envelope | Refusal {
  return refusing(() => {
    const { header, keyId: unprotected, payload, signature } = splitCose(bytes);
    const { alg, keyId = unprotected, format, cbor } = readCoseHeader(header);
    const content = contentOf(
      'COSE_Sign1',
      payload &&
        (cbor
          ? { kind: 'document', text: jsonOfCborPayload(payload) }
          : { kind: 'bytes', bytes: payload }),
      beside,
    );
    if (content instanceof Refusal) return content;
    const value = lowSSignature(alg, signature);
    const wrapped = { alg, value, envelope: { type: 'cose', header } };
    return { format, content, signature: keyId === undefined ? wrapped : { ...wrapped, keyId } };
  });
}
