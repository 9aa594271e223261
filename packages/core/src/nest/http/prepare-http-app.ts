import type { INestApplication } from '@nestjs/common';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { HTTP_OPTIONS, type HttpOptions } from '../tokens.js';
import { ApiDocument } from './openapi.js';
import { PluginUpgrades } from './plugin-upgrades.js';
import { Problem, PROBLEM_CONTENT_TYPE, problemBody } from './problem.js';
import {
  BodiesComingIn,
  hasBody,
  IMPORT_CONTENT_TYPES,
  MESSAGE_CONTENT_TYPES,
  readBody,
  RefusedBody,
} from './raw-body.js';
import { type Reply, send } from './reply.js';
import { servedHere } from './routes.js';
import { WattproofHttpModule } from './wattproof-http.module.js';

/** Memory for bodies that are still coming in, all together: 64 of the largest. */
const COMING_IN_BYTES = 64 * 1_048_576;

/** All that is read as it comes. */
const BODY_CONTENT_TYPES = [
  ...new Set([...MESSAGE_CONTENT_TYPES, ...IMPORT_CONTENT_TYPES]),
] as const;

type Done = (error: Error | null, body?: unknown) => void;

interface FastifyInstance {
  removeContentTypeParser(type: readonly string[]): void;
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string | readonly string[],
    parser: (request: { readonly url: string }, payload: IncomingMessage, done: Done) => void,
  ): void;
}

interface ExpressLike {
  use(
    handler: (
      request: IncomingMessage & { body?: unknown; originalUrl?: string },
      response: ServerResponse,
      next: (error?: unknown) => void,
    ) => void,
  ): unknown;
}

/**
 * Makes a host application hand Wattproof's own routes the bytes of their bodies, and plugins the connections
 * that are upgraded on their paths; the host's other routes keep their parsers. Call it after `NestFactory.create` and before `app.listen()`.
 */
export function prepareHttpApp(app: INestApplication): void {
  app.get(ApiDocument).describe(app, WattproofHttpModule);
  app.get(PluginUpgrades).serve(app.getHttpServer() as Server);
  const { maxBodyBytes } = app.get<HttpOptions>(HTTP_OPTIONS);
  const comingIn = new BodiesComingIn(COMING_IN_BYTES);
  const adapter = app.getHttpAdapter();
  // Asked at every request: the host may set its prefix after this.
  const isOurs = (url: string): boolean => servedHere(url, globalPrefixOf(app));
  if (adapter.getType() === 'fastify') {
    prepareFastify(app, maxBodyBytes, comingIn, isOurs);
    return;
  }
  const express = app as unknown as ExpressLike;
  express.use((request, response, next) => {
    if (!isOurs(request.originalUrl ?? request.url ?? '') || !hasBody(request.headers)) {
      next();
      return;
    }
    readBody(request, maxBodyBytes, comingIn).then((body) => {
      if (body instanceof RefusedBody) {
        // Not passed on: the host's own parser would try to read what is left.
        const { problem } = body;
        const text = problemBody(problem);
        send(response as Reply, problem.status, PROBLEM_CONTENT_TYPE, text, problem.headers);
        return;
      }
      request.body = body;
      next();
    }, next);
  });
}

function prepareFastify(
  app: INestApplication,
  maxBodyBytes: number,
  comingIn: BodiesComingIn,
  isOurs: (url: string) => boolean,
): void {
  const adapter = app.getHttpAdapter() as unknown as {
    getInstance(): FastifyInstance;
    useBodyParser(
      type: string,
      rawBody: boolean,
      options: object,
      parser: (request: unknown, body: Buffer, done: Done) => void,
    ): void;
  };
  const instance = adapter.getInstance();
  // Told first through Nest, which then leaves JSON alone when it registers its own parsers at init.
  adapter.useBodyParser('application/json', false, {}, (_request, _body, done) => done(null));
  for (const type of BODY_CONTENT_TYPES) {
    if (instance.hasContentTypeParser(type)) instance.removeContentTypeParser([type]);
    instance.addContentTypeParser(type, (request, payload, done) => {
      readBody(payload, maxBodyBytes, comingIn)
        .then((body) => (isOurs(request.url) ? body : parsed(body, type)))
        .then((body) => done(null, body), done);
    });
  }
}

/** What the host gave `setGlobalPrefix`. Nest tells it nobody; its own packages read it from the same place. */
function globalPrefixOf(app: INestApplication): string {
  const { config } = app as unknown as { config?: { getGlobalPrefix?(): string } };
  return config?.getGlobalPrefix?.() ?? '';
}

/** What the host's own routes get: JSON, or the text or bytes that are none. */
function parsed(body: Buffer | RefusedBody, type: (typeof BODY_CONTENT_TYPES)[number]): unknown {
  if (body instanceof RefusedBody) throw body.problem;
  if (type === 'text/plain' || type === 'text/csv') return body.toString('utf8');
  if (type === 'application/cose') return body;
  try {
    return body.length === 0 ? undefined : (JSON.parse(body.toString('utf8')) as unknown);
  } catch (cause) {
    throw new Problem(400, 'json_invalid', 'The body is not JSON.', {}, {}, { cause });
  }
}
