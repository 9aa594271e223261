import type { Credential, UpgradeRequest } from '@wattproof/core/spi';

/** The subprotocol (RFC 6455 §1.9), and its version. */
export const PROTOCOL = 'wattproof.v1';
/** Beside it a browser, which can set no header, may offer `wattproof.key.<key>`. */
const KEY_PROTOCOL = 'wattproof.key.';

/** Why a connection is not opened, as HTTP says it. */
export interface HttpRefusal {
  readonly status: 400 | 401 | 403 | 405 | 426 | 429 | 503;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A handshake that may go on: with the credential it showed, if any. */
export interface Admitted {
  readonly credential?: Extract<Credential, { readonly kind: 'api-key' }>;
}

/** What can be said of a handshake before anybody is asked. */
export function admit(
  request: UpgradeRequest,
  allowedOrigins: readonly string[],
): Admitted | HttpRefusal {
  const { headers } = request;
  if (request.method !== 'GET')
    return refusal(405, 'method_not_allowed', 'Ask with GET (RFC 6455 §4.1).', { allow: 'GET' });
  // Addresses end up in logs and histories: nothing secret may ever stand in one, so nothing may.
  if (queryOf(request.url) !== '')
    return refusal(400, 'query_not_taken', 'The address takes no query. A key never goes into it.');
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket')
    return refusal(426, 'upgrade_required', 'This path speaks WebSocket (RFC 6455).', {
      upgrade: 'websocket',
    });
  const origin = headers.get('origin');
  if (origin !== null && !allowedOrigins.includes(origin) && !isOwnHost(origin, headers))
    return refusal(
      403,
      'origin_not_allowed',
      'Pages of this origin may not connect. Name it in allowedOrigins of this transport.',
    );
  const offered = (headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((protocol) => protocol.trim());
  if (!offered.includes(PROTOCOL))
    return refusal(400, 'subprotocol_required', `Offer the subprotocol ${PROTOCOL}.`);
  return withKeys(
    [
      headers.get('x-api-key') ?? undefined,
      bearer(headers.get('authorization')),
      ...offered
        .filter((protocol) => protocol.startsWith(KEY_PROTOCOL))
        .map((protocol) => protocol.slice(KEY_PROTOCOL.length)),
    ].filter((key) => key !== undefined),
  );
}

export function isRefusal(answer: Admitted | HttpRefusal): answer is HttpRefusal {
  return 'status' in answer;
}

export const UNAUTHENTICATED = refusal(
  401,
  'key_invalid',
  'The key is unknown, expired or revoked.',
  { 'www-authenticate': 'Bearer' },
);
/** Of connections under one key; the reason of a close, too, when the key is shown later. */
export const KEY_FULL = 'key_connections_full';
export const KEY_HAS_TOO_MANY = (most: number, afterSeconds: number): HttpRefusal =>
  refusal(429, KEY_FULL, `At most ${most} connections under one key.`, {
    'retry-after': String(afterSeconds),
  });
export const NOT_NOW = (code: string, detail: string, afterSeconds: number): HttpRefusal =>
  refusal(503, code, detail, { 'retry-after': String(afterSeconds) });

function withKeys(keys: readonly string[]): Admitted | HttpRefusal {
  const [key, ...others] = keys;
  if (key === undefined) return {};
  if (others.length > 0)
    return refusal(400, 'credentials_ambiguous', 'Show one key, in one place.');
  return { credential: { kind: 'api-key', key } };
}

function bearer(header: string | null): string | undefined {
  if (header === null) return undefined;
  // What is no bearer token is shown all the same, and nobody is known by it.
  return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? header;
}

function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

/** The page came from where it connects to. The scheme is not looked at: a proxy may have taken TLS off. */
function isOwnHost(origin: string, headers: UpgradeRequest['headers']): boolean {
  const host = headers.get('host')?.toLowerCase();
  return host !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') === host;
}

function refusal(
  status: HttpRefusal['status'],
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): HttpRefusal {
  return { status, code, detail, headers };
}
