import type { AbstractHttpAdapter } from '@nestjs/core';
import type { Server } from 'node:http';
import { withPeers } from '../../peers/with-peers.js';
import { tellMalformedRequests } from './malformed-request.js';
import { PROBLEM_CONTENT_TYPE, problemBody } from './problem.js';
import { problemOf } from './problem-of.js';

export interface HostAdapterOptions {
  /**
   * PEM texts; absent: plain HTTP. With `clientCa` only clients with a certificate of it may connect, unless that is
   * `optional`: then anybody may, and who has such a certificate is known by it.
   */
  readonly tls?:
    | {
        readonly cert: string;
        readonly key: string;
        readonly clientCa?: string | undefined;
        readonly clientCertificate?: 'required' | 'optional';
      }
    | undefined;
  /** How long requests under way may take when the server stops. */
  readonly drainMs?: number;
  /** Connections held at once; what comes beyond is closed before anything is read. Those that a plugin takes over are the plugin's. */
  readonly maxConnections?: number;
  /** Proxies whose X-Forwarded-* headers count: all, that many hops, or these addresses. */
  readonly trustProxy?: boolean | number | string | readonly string[];
}

/**
 * The longest a request may take to arrive: 1 MiB at 9 kB/s. Fastify sets no limit of its own, and a body that
 * never ends would hold its connection for ever.
 */
const REQUEST_TIMEOUT_MS = 120_000;
const MAX_CONNECTIONS = 10_000;
/**
 * When the gateway stops, what is under way is answered; after this long the rest is cut off. Half a request, sent by
 * anybody, must not keep a gateway from stopping.
 */
const DRAIN_MS = 10_000;
/** Longest `:id` in characters: 256 bytes, each of them as a percent escape. */
const MAX_PARAM_LENGTH = 768;

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
 * never both. Throws `PeerMissing` when it is not installed.
 */
export async function hostAdapter(
  host: 'fastify' | 'express',
  options: HostAdapterOptions = {},
): Promise<AbstractHttpAdapter> {
  const { trustProxy = false, drainMs = DRAIN_MS } = options;
  const bounds = { drainMs, maxConnections: options.maxConnections ?? MAX_CONNECTIONS };
  if (host === 'fastify') {
    const { FastifyAdapter } = await withPeers(
      'A Fastify server',
      ['@nestjs/platform-fastify'],
      () => import('@nestjs/platform-fastify'),
    );
    const fastify = new FastifyAdapter({
      trustProxy: fastifyTrust(trustProxy) as boolean,
      // Idle connections are closed at once when the gateway stops, busy ones when they are answered.
      forceCloseConnections: 'idle',
      frameworkErrors: tellAsProblem as never,
      requestTimeout: REQUEST_TIMEOUT_MS,
      routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
      ...(options.tls === undefined ? {} : { https: tlsOptions(options.tls) }),
    });
    return bounded(fastify, bounds);
  }
  const { ExpressAdapter } = await withPeers(
    'An Express server',
    ['@nestjs/platform-express'],
    () => import('@nestjs/platform-express'),
  );
  const adapter = new ExpressAdapter();
  adapter.set('trust proxy', trustProxy);
  return bounded(
    adapter,
    bounds,
    options.tls === undefined ? {} : { httpsOptions: tlsOptions(options.tls) },
  );
}

/**
 * Bounds the server that the adapter makes, whichever it is. `more`: for Express, whose server Nest makes from
 * the options of its own factory, although they belong to the adapter.
 */
function bounded(
  adapter: AbstractHttpAdapter,
  { drainMs, maxConnections }: { readonly drainMs: number; readonly maxConnections: number },
  more: { readonly httpsOptions?: object } = {},
): AbstractHttpAdapter {
  const init = adapter.initHttpServer.bind(adapter);
  adapter.initHttpServer = (options) => {
    init({ ...options, ...more });
    const server = adapter.getHttpServer() as Server;
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.maxConnections = maxConnections;
    tellMalformedRequests(server);
  };
  const close = adapter.close.bind(adapter) as () => Promise<void>;
  adapter.close = async () => {
    const server = adapter.getHttpServer() as Server;
    const cut = setTimeout(() => server.closeAllConnections(), drainMs);
    try {
      await close();
    } finally {
      clearTimeout(cut);
    }
  };
  return adapter;
}

/** Fastify trusts nobody when it is given a number of hops; Express counts them, and so does this. */
function fastifyTrust(trust: NonNullable<HostAdapterOptions['trustProxy']>): unknown {
  if (typeof trust === 'number') return (_address: string, hop: number): boolean => hop < trust;
  return Array.isArray(trust) ? [...trust] : trust;
}

function tlsOptions(tls: NonNullable<HostAdapterOptions['tls']>): object {
  const { cert, key, clientCa, clientCertificate = 'required' } = tls;
  return {
    cert,
    key,
    // Whoever names a CA of clients wants no others, unless told so: the handshake of anybody else fails.
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: clientCertificate === 'required' }),
  };
}
