import type { AbstractHttpAdapter } from '@nestjs/core';
import { PROBLEM_CONTENT_TYPE, problemBody } from './problem.js';
import { problemOf } from './problem-of.js';

export interface HostAdapterOptions {
  /** PEM texts; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Proxies whose X-Forwarded-* headers count. */
  readonly trustProxy?: boolean | number | string | readonly string[];
}

/** What is used of Fastify's reply; its types come with a package that is not ours to ask for. */
interface ReplyOfFastify {
  code(status: number): this;
  header(name: string, value: string): this;
  send(body: string): unknown;
}

/** What Fastify refuses before any route: broken escapes in a URL. */
function tellAsProblem(error: Error, _request: unknown, reply: ReplyOfFastify): void {
  const problem = problemOf(error);
  reply
    .code(problem.status)
    .header('content-type', PROBLEM_CONTENT_TYPE)
    .send(problemBody(problem));
}

/**
 * A Nest adapter for the named server. Its package is loaded only now: an application needs one of them,
 * never both.
 */
export async function hostAdapter(
  host: 'fastify' | 'express',
  options: HostAdapterOptions = {},
): Promise<AbstractHttpAdapter> {
  const { trustProxy = false } = options;
  if (host === 'fastify') {
    const { FastifyAdapter } = await import('@nestjs/platform-fastify');
    return new FastifyAdapter({
      trustProxy: (Array.isArray(trustProxy) ? [...trustProxy] : trustProxy) as boolean,
      // Idle connections are closed at once when the gateway stops, busy ones when they are answered.
      forceCloseConnections: 'idle',
      frameworkErrors: tellAsProblem as never,
      ...(options.tls === undefined ? {} : { https: tlsOptions(options.tls) }),
    });
  }
  const { ExpressAdapter } = await import('@nestjs/platform-express');
  const adapter = new ExpressAdapter();
  adapter.set('trust proxy', trustProxy);
  return adapter;
}

function tlsOptions(tls: NonNullable<HostAdapterOptions['tls']>): object {
  const { cert, key, clientCa } = tls;
  return {
    cert,
    key,
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  };
}
