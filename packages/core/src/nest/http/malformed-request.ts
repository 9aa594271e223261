import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, PROBLEM_CONTENT_TYPE, problemBody } from './problem.js';

/** Node's words for what it refuses before any application sees it; the rest is simply not HTTP. */
const REFUSED: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem(
    431,
    'headers_too_large',
    'The header fields are larger than 16 KiB; send fewer.',
  ),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Problem(
    413,
    'chunk_extensions_too_large',
    'The chunk extensions are larger than 16 KiB; send none.',
  ),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(
    408,
    'request_timeout',
    'The request did not arrive in time; send it again, faster.',
  ),
};
const MALFORMED = new Problem(
  400,
  'request_malformed',
  'This is not an HTTP/1.1 request (RFC 9112).',
);

interface Answering extends Socket {
  readonly _httpMessage?: { readonly headersSent?: boolean };
}

/** Requests that the server itself refuses are answered as problems, too, and their connections closed. */
export function tellMalformedRequests(server: Server): void {
  server.removeAllListeners('clientError');
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Answering) => {
    const isAnswered = socket._httpMessage?.headersSent === true;
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswered) {
      socket.destroy();
      return;
    }
    const problem = REFUSED[error.code ?? ''] ?? MALFORMED;
    const body = problemBody(problem);
    socket.end(
      `HTTP/1.1 ${problem.status} ${(JSON.parse(body) as { title: string }).title}\r\nconnection: close\r\ncontent-type: ${PROBLEM_CONTENT_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}
