/** What Fastify's reply and Express's response have in common here, and where they differ. */
export interface Reply {
  /** Fastify's reply carries Node's response here; Express's response is Node's. */
  readonly raw?: NodeResponse;
}

export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(body?: string | Uint8Array): unknown;
  once(event: 'finish' | 'close', listener: () => void): unknown;
}

interface FastifyReply extends Reply {
  code(status: number): FastifyReply;
  header(name: string, value: string): FastifyReply;
  send(body: string | Uint8Array): unknown;
}

export const JSON_CONTENT_TYPE = 'application/json; charset=utf-8';

export function nodeResponse(reply: Reply): NodeResponse {
  return reply.raw ?? (reply as unknown as NodeResponse);
}

/**
 * Answers on either host. Bodies are finished bytes or text, so neither host serialises or re-encodes
 * them: canonical JSON must arrive as it is.
 */
export function send(
  reply: Reply,
  status: number,
  contentType: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (reply.raw !== undefined) {
    const fastify = reply as FastifyReply;
    fastify.code(status).header('content-type', contentType);
    for (const name in headers) fastify.header(name, headers[name] ?? '');
    fastify.send(body);
    return;
  }
  const response = nodeResponse(reply);
  response.statusCode = status;
  response.setHeader('content-type', contentType);
  for (const name in headers) response.setHeader(name, headers[name] ?? '');
  response.end(body);
}

export function sendJson(
  reply: Reply,
  value: unknown,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): void {
  send(reply, status, JSON_CONTENT_TYPE, JSON.stringify(value), headers);
}
