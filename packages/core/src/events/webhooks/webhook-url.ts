import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { WebhooksConfig } from './webhooks.config.js';

export type UrlPolicy = Pick<WebhooksConfig, 'allowPrivate' | 'allowHttp' | 'ports'>;

const MAX_URL_LENGTH = 2048;
/** RFC 1035 §2.3.4, without the length octets. */
const MAX_HOST_LENGTH = 253;
/** Names that are never public: RFC 6761, 6762, 7686, 8375, 9476, and what private networks use. */
const LOCAL_SUFFIXES =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|onion|test|invalid|alt|arpa)$/;

/** The URL, or why nothing is sent there. Names are looked up, and addresses looked at, at each delivery. */
export function checkWebhookUrl(
  text: string,
  policy: UrlPolicy,
): { readonly url: URL } | { readonly problem: string } {
  if (text.length > MAX_URL_LENGTH) return { problem: `it is longer than ${MAX_URL_LENGTH}` };
  // What parsers disagree about: they strip, turn round or decode these.
  if (!/^[!-~]+$/.test(text) || /[\\<>"`{}|^]/.test(text))
    return { problem: 'it has characters that a URL does not have; write a name in its xn-- form' };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return { problem: 'it is no absolute URL' };
  if (url.protocol !== 'https:' && !(policy.allowHttp && url.protocol === 'http:'))
    return { problem: `it must begin with https://${policy.allowHttp ? ' or http://' : ''}` };
  const [, written = ''] = /^https?:\/\/([^/?#]*)/i.exec(text) ?? [];
  if (url.username !== '' || url.password !== '' || written.includes('@'))
    return { problem: 'it carries a user name or password' };
  if (url.hash !== '' || text.includes('#')) return { problem: 'it has a fragment' };
  const problem = problemOfHost(url, written.toLowerCase(), policy);
  if (problem !== undefined) return { problem };
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (!policy.allowPrivate && !policy.ports.includes(port))
    return { problem: `port ${port} is not one of ${policy.ports.join(', ')}` };
  return { url };
}

function problemOfHost(url: URL, written: string, policy: UrlPolicy): string | undefined {
  const { hostname } = url;
  // 0x7f.1, 017700000001, 2130706433, %6c and the like are other ways to write what is refused below.
  const plain = written.replace(/:\d{1,5}$/, '');
  if (plain !== hostname) return 'its host is not written plainly';
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0)
    return policy.allowPrivate ? undefined : 'its host is an address; it must be a name';
  if (policy.allowPrivate) return undefined;
  if (hostname.length > MAX_HOST_LENGTH || domainToASCII(hostname) !== hostname)
    return 'its host is no name';
  if (!hostname.includes('.') || hostname.endsWith('.') || LOCAL_SUFFIXES.test(hostname))
    return 'its host is a local name';
  return /^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+$/.test(hostname)
    ? undefined
    : 'its host is no name';
}
