import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Gateway } from '../../gateway/gateway.js';
import { httpGuardProblems } from '../../plugins/index.js';
import type { HttpResponse } from '../../spi/index.js';
import { GATEWAY, HTTP_OPTIONS, type HttpOptions } from '../tokens.js';
import { ROUTE_NAME } from './route.decorator.js';
import { ROUTES } from './routes.js';
import { type HostRequest, webRequest } from './web-request.js';

/** A plugin's check refused; its answer is the answer. */
export class RefusedByCheck extends Error {
  override readonly name = 'RefusedByCheck';

  constructor(readonly response: HttpResponse) {
    super('refused by a check that the configuration attaches to this route');
  }
}

/** Runs the checks that `http.guards` attaches to a route, after its access class and before anything is done. */
@Injectable()
export class PluginChecks implements CanActivate, OnModuleInit {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(HTTP_OPTIONS) private readonly options: HttpOptions,
    @Inject(GATEWAY) private readonly gateway: Gateway,
  ) {}

  /** Throws when a check or a route that the configuration names does not exist. */
  onModuleInit(): void {
    const { gateway, options } = this;
    const plugins = gateway.plugins.map(({ loaded }) => loaded);
    const problems = httpGuardProblems(options.guards, plugins, Object.keys(ROUTES));
    if (problems.length > 0)
      throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  }

  canActivate(context: ExecutionContext): true | Promise<true> {
    const route = this.reflector.get<string>(ROUTE_NAME, context.getHandler());
    const names = this.options.guards[route];
    if (names === undefined) return true;
    return this.ask(names, context.switchToHttp().getRequest<HostRequest>());
  }

  private async ask(names: readonly string[], request: HostRequest): Promise<true> {
    for (const name of names) {
      const check = this.gateway.pluginHttp.guard(name);
      // Declared and never registered: nobody knows what it would have said.
      if (check === undefined)
        throw new Error(`The plugin declares the check "${name}" and has none.`);
      const refusal = await check(webRequest(request));
      if (refusal !== undefined) throw new RefusedByCheck(refusal);
    }
    return true;
  }
}
