/**
 * Whether a page of that origin may connect. A browser brings along what its user can show, a client certificate for one, whoever
 * wrote the page (RFC 6455, 10.2): pages of the server's own host may, and those that the configuration names. Devices
 * and servers send no origin.
 */
export function mayConnect(
  { origin, host }: { readonly origin: string | undefined; readonly host: string | undefined },
  allowedOrigins: readonly string[],
): boolean {
  if (origin === undefined || allowedOrigins.includes(origin)) return true;
  // The scheme is not looked at: a proxy may have taken TLS off.
  const [, named] = /^https?:\/\/(.+)$/i.exec(origin) ?? [];
  return named !== undefined && named.toLowerCase() === host?.toLowerCase();
}
