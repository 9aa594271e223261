import { senderOfKey } from '../../gateway/known-callers.js';
import type { CertifiedKey } from '../../ingestion/authenticate-connection.js';
import type { IngestionMessage } from '../../ingestion/admit.js';
import type { RequestOverSocket } from './client-certificates.js';
import { networkOf } from './network-of.js';
import { callerOf } from './principal.js';
import { bodyBytes, contentType, MESSAGE_CONTENT_TYPES, type RequestWithBody } from './raw-body.js';

export interface HttpMessageRequest extends RequestWithBody, RequestOverSocket {
  /** Express and Fastify both give the peer's address, proxies they were told to trust considered. */
  readonly ip?: string;
}

/** A request as the pipeline wants it: bytes untouched, and who sent them. `certified`: the key of the client's certificate. */
export function inboundMessage(
  request: HttpMessageRequest,
  certified?: CertifiedKey,
): IngestionMessage {
  const principal = callerOf(request);
  const source = networkOf(request.ip);
  return {
    contentType: (contentType(request) ?? 'application/json') as IngestionMessage['contentType'],
    bytes: bodyBytes(request, MESSAGE_CONTENT_TYPES),
    // A key says who sends, never what was measured: unsigned stays unsigned, but for the meter of a device key.
    assurance: 'unsigned',
    ...(source === undefined ? {} : { source }),
    ...(certified === undefined ? {} : { certified }),
    ...(principal === undefined ? {} : senderOfKey(principal)),
  };
}
