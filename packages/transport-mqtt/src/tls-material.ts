import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** PEM texts of one end of TLS. */
interface TlsMaterial {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
}

/** Throws what is wrong with them. TLS itself passes over an authority that cannot be read, and then trusts nobody. */
export function checkTlsMaterial(material: TlsMaterial): void {
  createSecureContext(
    Object.fromEntries(Object.entries(material).filter(([, text]) => text !== undefined)),
  );
  if (material.ca !== undefined) void new X509Certificate(material.ca);
}
