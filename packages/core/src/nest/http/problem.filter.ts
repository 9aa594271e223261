import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Inject,
  Optional,
} from '@nestjs/common';
import { GATEWAY } from '../tokens.js';
import { RefusedByCheck } from './plugin-checks.js';
import { problemBody, Problem, PROBLEM_CONTENT_TYPE } from './problem.js';
import { problemOf } from './problem-of.js';
import { nodeResponse, type Reply, send } from './reply.js';
import { sendWebResponse } from './web-request.js';
import type { Gateway } from '../../gateway/gateway.js';

/** Turns whatever was thrown into one problem document, on both hosts. Unexpected errors are logged, not told. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Optional() @Inject(GATEWAY) private readonly gateway?: Pick<Gateway, 'logger'>) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<Reply>();
    if (error instanceof RefusedByCheck) {
      sendWebResponse(reply, error.response);
      return;
    }
    const problem = fromNest(error) ?? problemOf(error);
    if (problem.status >= 500 && problem.status !== 503) {
      const request = http.getRequest<{ method: string; url: string }>();
      this.gateway?.logger.error('request failed', {
        method: request.method,
        path: request.url.split('?', 1)[0],
        code: problem.code,
        error,
      });
    }
    if (nodeResponse(reply).headersSent) return;
    send(reply, problem.status, PROBLEM_CONTENT_TYPE, problemBody(problem), problem.headers);
  }
}

/** What Nest itself raises: unknown routes, bodies its own parsers refuse. */
function fromNest(error: unknown): Problem | undefined {
  if (!(error instanceof HttpException)) return undefined;
  const status = error.getStatus();
  return new Problem(status, CODES[status] ?? 'refused', error.message, {}, {}, { cause: error });
}

const CODES: Readonly<Record<number, string>> = {
  400: 'request_invalid',
  404: 'route_not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'message_too_large',
  415: 'content_type_unknown',
  500: 'internal',
  503: 'unavailable',
};
