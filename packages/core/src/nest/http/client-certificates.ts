import { Inject, Injectable } from '@nestjs/common';
import { X509Certificate } from 'node:crypto';
import { BlockList, isIPv6, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { CertifiedKey } from '../../ingestion/authenticate-connection.js';
import { keyIdOf } from '../../verify/spki.js';
import { HTTP_OPTIONS, type HttpOptions } from '../tokens.js';

/** What is used of a request of either host. */
export interface RequestOverSocket {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Express. */
  readonly socket?: unknown;
  /** Fastify. */
  readonly raw?: { readonly socket?: unknown };
}

interface ReadCertificate extends CertifiedKey {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** RFC 9440 §2.1: a byte sequence of RFC 8941. */
const CLIENT_CERT = /^:([A-Za-z0-9+/]+={0,2}):$/;

/**
 * Certificates of clients: that of the connection, signed by `http.tls.clientCa`; or, from the proxies of `http.certificateProxies`
 * and from nobody else, that of the header `Client-Cert` (RFC 9440), which such a proxy has checked. Both only while they are valid.
 */
@Injectable()
export class ClientCertificates {
  /** Per connection: a certificate is read once and not with every request. */
  private readonly ofConnection = new WeakMap<TLSSocket, ReadCertificate | null>();
  private readonly proxies = new BlockList();

  constructor(@Inject(HTTP_OPTIONS) options: HttpOptions) {
    for (const proxy of options.certificateProxies) {
      const [address = '', prefix] = proxy.split('/', 2);
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.proxies.addAddress(address, family);
      else this.proxies.addSubnet(address, Number(prefix), family);
    }
  }

  /** The key of the client's certificate; undefined when nobody has proven to hold one. */
  keyOf(request: RequestOverSocket, nowMs: number): CertifiedKey | undefined {
    const read = this.credentialOf(request, nowMs);
    return read && { keyId: read.keyId, publicKey: read.publicKey };
  }

  /** The same, and how long the certificate is valid. */
  credentialOf(request: RequestOverSocket, nowMs: number): ReadCertificate | undefined {
    const socket = (request.raw?.socket ?? request.socket) as Socket | undefined;
    if (socket === undefined) return undefined;
    // What a proxy proves about itself says nothing of the device behind it.
    const read = this.isProxy(socket) ? fromHeader(request.headers) : this.ofSocket(socket);
    if (read === undefined || nowMs < read.fromMs || nowMs > read.untilMs) return undefined;
    return read;
  }

  private isProxy({ remoteAddress }: Socket): boolean {
    if (remoteAddress === undefined) return false;
    return this.proxies.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4');
  }

  private ofSocket(socket: Socket): ReadCertificate | undefined {
    if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
    let read = this.ofConnection.get(socket);
    if (read === undefined) {
      const certificate = socket.getPeerX509Certificate();
      read = certificate === undefined ? null : readCertificate(certificate);
      this.ofConnection.set(socket, read);
    }
    return read ?? undefined;
  }
}

function fromHeader({
  'client-cert': header,
}: RequestOverSocket['headers']): ReadCertificate | undefined {
  const der = typeof header === 'string' ? CLIENT_CERT.exec(header)?.[1] : undefined;
  if (der === undefined) return undefined;
  try {
    return readCertificate(new X509Certificate(Buffer.from(der, 'base64')));
  } catch {
    // No certificate, or of a key that this build of OpenSSL does not know.
    return undefined;
  }
}

function readCertificate(certificate: X509Certificate): ReadCertificate {
  const publicKey = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    fromMs: Date.parse(certificate.validFrom),
    untilMs: Date.parse(certificate.validTo),
  };
}
