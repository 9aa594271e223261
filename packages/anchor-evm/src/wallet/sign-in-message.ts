/** The fields of a Sign-In with Ethereum message (EIP-4361). Times are milliseconds since 1970. */
export interface SignInMessage {
  readonly scheme?: string;
  /** Authority of the site that asked for the signature. */
  readonly domain: string;
  /** EIP-55. */
  readonly address: string;
  readonly statement?: string;
  readonly uri: string;
  readonly chainId: bigint;
  readonly nonce: string;
  readonly issuedAtMs: number;
  readonly expirationTimeMs?: number;
  readonly notBeforeMs?: number;
  readonly requestId?: string;
  readonly resources: readonly string[];
}

/** Far beyond what a wallet can show. */
const MAX_MESSAGE_CHARS = 8_192;

// RFC 3986. Everything is ASCII, so no look-alike from another script gets in, and LF is the only control character.
const PCHAR = String.raw`(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})`;
const URI = String.raw`[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*`;
/** Host and port; user information, which a reader takes for the host, is refused. */
const AUTHORITY = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?`;
const STATEMENT = String.raw`[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;= ]+`;
const TIME = String.raw`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+\-][0-9]{2}:[0-9]{2})`;

const MESSAGE = new RegExp(
  String.raw`^(?:(?<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://)?(?<domain>${AUTHORITY}) wants you to sign in with your Ethereum account:\n` +
    String.raw`(?<address>0x[0-9A-Fa-f]{40})\n\n(?:(?<statement>${STATEMENT})\n)?\n` +
    String.raw`URI: (?<uri>${URI})\nVersion: 1\nChain ID: (?<chainId>[0-9]{1,20})\nNonce: (?<nonce>[A-Za-z0-9]{8,})\n` +
    String.raw`Issued At: (?<issuedAt>${TIME})(?:\nExpiration Time: (?<expirationTime>${TIME}))?(?:\nNot Before: (?<notBefore>${TIME}))?` +
    String.raw`(?:\nRequest ID: (?<requestId>${PCHAR}*))?(?<resources>\nResources:(?:\n- ${URI})*)?$`,
  'u',
);

/** Reads a message by the grammar of EIP-4361, every byte of it; undefined when it is anything else. */
export function readSignInMessage(text: string): SignInMessage | undefined {
  if (text.length > MAX_MESSAGE_CHARS) return undefined;
  const found = MESSAGE.exec(text)?.groups as Record<string, string | undefined> | undefined;
  if (found === undefined) return undefined;
  const { scheme, domain, address, statement, uri, nonce, requestId } = found;
  const issuedAtMs = instant(found['issuedAt']);
  const expirationTimeMs = instant(found['expirationTime']);
  const notBeforeMs = instant(found['notBefore']);
  if (!domain || !address || !uri || !nonce || issuedAtMs === undefined) return undefined;
  if ([issuedAtMs, expirationTimeMs, notBeforeMs].some(Number.isNaN)) return undefined;
  return {
    ...(scheme === undefined ? {} : { scheme }),
    domain,
    address,
    ...(statement === undefined ? {} : { statement }),
    uri,
    chainId: BigInt(found['chainId'] as string),
    nonce,
    issuedAtMs,
    ...(expirationTimeMs === undefined ? {} : { expirationTimeMs }),
    ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    ...(requestId === undefined ? {} : { requestId }),
    resources: (found['resources'] ?? '').split('\n- ').slice(1),
  };
}

/** Milliseconds of an RFC 3339 time; NaN for a day or hour that does not exist. */
function instant(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  // Date.parse makes the 30th of February the 1st of March.
  const midnight = new Date(Date.UTC(year, month - 1, day));
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return Number.NaN;
  return Date.parse(text);
}
