import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Gateway } from '../../gateway/gateway.js';
import type { PluginRoute } from '../../gateway/plugin-http.js';
import { GATEWAY } from '../tokens.js';
import { problemBody, PROBLEM_CONTENT_TYPE } from './problem.js';
import { problemOf } from './problem-of.js';
import { type Reply, send } from './reply.js';
import { type HostRequest, sendWebResponse, webRequest } from './web-request.js';

type HostHandler = (request: HostRequest, reply: Reply) => Promise<void>;

/**
 * Binds the routes that plugins answer to the host's server. The plugin decides who may call: the route
 * table does not know these.
 */
@Injectable()
export class PluginRoutes implements OnModuleInit {
  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** Before the host binds its answer for unknown routes. */
  onModuleInit(): void {
    const server = this.host.httpAdapter as unknown as Record<
      string,
      (path: string, handler: HostHandler) => void
    >;
    for (const route of this.gateway.pluginHttp.routes) {
      const method = route.method.toLowerCase();
      const handler: HostHandler = (request, reply) => this.answer(route, request, reply);
      server[method]?.(route.path, handler);
    }
  }

  private async answer(route: PluginRoute, request: HostRequest, reply: Reply): Promise<void> {
    try {
      sendWebResponse(reply, await route.handle(webRequest(request)));
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 500) {
        this.gateway.logger.error('plugin route failed', { path: route.path, error });
      }
      send(reply, problem.status, PROBLEM_CONTENT_TYPE, problemBody(problem), problem.headers);
    }
  }
}
