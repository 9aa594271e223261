import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { CertifiedKey } from '../../ingestion/authenticate-connection.js';
import { keyIdOf } from '../../verify/spki.js';

/** What is used of a request of either host. */
export interface RequestOverSocket {
  /** Express. */
  readonly socket?: unknown;
  /** Fastify. */
  readonly raw?: { readonly socket?: unknown };
}

interface ReadCertificate extends CertifiedKey {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Per connection: a certificate is read once and not with every request. */
const certificates = new WeakMap<TLSSocket, ReadCertificate | null>();

/**
 * The key of the client's certificate, when this very connection proved it: signed by `http.tls.clientCa`, and valid at
 * `nowMs` still. What a proxy writes into a header is nobody's proof and is not looked at.
 */
export function certifiedKeyOf(
  request: RequestOverSocket,
  nowMs: number,
): CertifiedKey | undefined {
  const socket = request.raw?.socket ?? request.socket;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  let read = certificates.get(socket);
  if (read === undefined) {
    read = readCertificate(socket.getPeerX509Certificate()) ?? null;
    certificates.set(socket, read);
  }
  if (read === null || nowMs < read.fromMs || nowMs > read.untilMs) return undefined;
  const { keyId, publicKey } = read;
  return { keyId, publicKey };
}

function readCertificate(certificate: X509Certificate | undefined): ReadCertificate | undefined {
  if (certificate === undefined) return undefined;
  const publicKey = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    fromMs: Date.parse(certificate.validFrom),
    untilMs: Date.parse(certificate.validTo),
  };
}
