import type { HttpRequest, HttpResponse } from '../../spi/index.js';
import type { RequestHeaders } from './principal.js';
import { bodyBytes, type RequestWithBody } from './raw-body.js';
import { type Reply, send } from './reply.js';

export type HostRequest = RequestWithBody & { readonly method: string; readonly url: string };

/** A request of either host as plugins see it. */
export function webRequest(request: HostRequest): HttpRequest {
  return {
    method: request.method,
    url: request.url,
    headers: headersOf(request.headers),
    arrayBuffer: async () => bodyBytes(request).slice().buffer,
  };
}

export function headersOf(headers: RequestHeaders): HttpRequest['headers'] {
  return {
    get: (name) => {
      const value = headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(', ') : (value ?? null);
    },
  };
}

/** A plugin's answer on either host. */
export function sendWebResponse(reply: Reply, answer: HttpResponse): void {
  const { 'content-type': type = 'application/octet-stream', ...headers } = answer.headers ?? {};
  send(reply, answer.status, type, answer.body ?? '', headers);
}
