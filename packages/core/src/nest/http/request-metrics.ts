import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Metrics } from './metrics.js';
import { nodeResponse, type Reply } from './reply.js';
import { ROUTE_NAME } from './route.decorator.js';

/** Measures every request of the route table, refused ones included: it runs before the access guard and lets all pass. */
@Injectable()
export class RequestMetrics implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  canActivate(context: ExecutionContext): true {
    const route = this.reflector.get<string | undefined>(ROUTE_NAME, context.getHandler());
    const response = nodeResponse(context.switchToHttp().getResponse<Reply>());
    const started = performance.now();
    response.once('finish', () => {
      this.metrics.request(
        route ?? 'plugin',
        response.statusCode,
        (performance.now() - started) / 1000,
      );
    });
    return true;
  }
}
