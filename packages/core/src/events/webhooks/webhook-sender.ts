import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { AddressRule } from './public-address.js';
import { checkWebhookUrl, type UrlPolicy } from './webhook-url.js';

/** All addresses of a name; rejects when it has none. */
export type ResolveName = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface WebhookMessage {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type SendOutcome =
  | { readonly kind: 'delivered'; readonly status: number }
  | {
      readonly kind: 'failed';
      /** Of an answer that is no success. */
      readonly status?: number;
      readonly error:
        | 'status'
        | 'redirect'
        | 'timeout'
        | 'name_unknown'
        | 'address_denied'
        | 'url_denied'
        | 'connection';
    };

/** Sends one message to an endpoint. Never rejects: what goes wrong is an outcome. */
export type SendWebhook = (message: WebhookMessage, signal: AbortSignal) => Promise<SendOutcome>;

/** Bytes of an answer's body that are waited for; what is in them is nobody's business here. */
const MAX_ANSWER_BYTES = 65_536;
const MAX_HEADER_BYTES = 16_384;

/**
 * Every attempt looks up the name once, refuses when any of its addresses is denied, and connects to the address it has
 * looked at: a name that says something else a moment later is not asked again. Redirects are answers like any other.
 */
export function webhookSender(parts: {
  readonly policy: UrlPolicy;
  readonly isAllowed: AddressRule;
  readonly resolve: ResolveName;
  /** PEM of the authorities to trust; default: those Node trusts. */
  readonly ca?: string | undefined;
  /** Aborts when an attempt has taken as long as it may. */
  readonly timeout: () => AbortSignal;
}): SendWebhook {
  const { policy, isAllowed, resolve, ca } = parts;
  return async (message, stop) => {
    const checked = checkWebhookUrl(message.url, policy);
    if ('problem' in checked) return { kind: 'failed', error: 'url_denied' };
    const late = parts.timeout();
    const signal = AbortSignal.any([stop, late]);
    const name = checked.url.hostname.replace(/^\[|\]$/g, '');
    let addresses: readonly string[];
    try {
      addresses = isIP(name) === 0 ? await unless(signal, resolve(name, signal)) : [name];
    } catch {
      return { kind: 'failed', error: late.aborted ? 'timeout' : 'name_unknown' };
    }
    const [address] = addresses;
    if (address === undefined) return { kind: 'failed', error: 'name_unknown' };
    if (!addresses.every(isAllowed)) return { kind: 'failed', error: 'address_denied' };
    try {
      return outcomeOf(await post(checked.url, { address, ca }, message, signal));
    } catch {
      return { kind: 'failed', error: late.aborted ? 'timeout' : 'connection' };
    }
  };
}

function outcomeOf(status: number): SendOutcome {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  return { kind: 'failed', status, error: status >= 300 && status < 400 ? 'redirect' : 'status' };
}

/** Status of the answer, once its body is in or has been cut off. */
function post(
  url: URL,
  { address, ca }: { readonly address: string; readonly ca: string | undefined },
  { headers, body }: WebhookMessage,
  signal: AbortSignal,
): Promise<number> {
  const secure = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      host: address,
      port: Number(url.port || (secure ? 443 : 80)),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, 'content-length': String(Buffer.byteLength(body)) },
      // An agent of its own: no connection of another attempt, no proxy of the environment.
      agent: secure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
      // The certificate has to be that of the name.
      ...(secure && isIP(name) === 0 ? { servername: name } : {}),
      ...(ca === undefined ? {} : { ca }),
    };
    const request = secure ? httpsRequest(options) : httpRequest(options);
    request.on('error', reject);
    request.once('response', (response) => {
      const status = response.statusCode ?? 0;
      let bytes = 0;
      const done = (): void => resolve(status);
      // The status counts from here on, however its body ends.
      request.removeListener('error', reject).on('error', done);
      response.once('end', done);
      response.once('close', done);
      response.once('error', done);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy();
      });
    });
    // Nothing is sent over another protocol.
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Error('the endpoint wants another protocol'));
    });
    request.end(body);
  });
}

/** What `work` gives, unless the signal comes first: a lookup cannot be called off. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
