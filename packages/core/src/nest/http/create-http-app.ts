import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { GATEWAY } from '../tokens.js';
import { silentLogger } from '../../gateway/gateway-options.js';
import type { Gateway } from '../../gateway/gateway.js';
import type { Logger } from '../../spi/index.js';
import { NestLogger } from '../nest-logger.js';
import { prepareHttpApp } from './prepare-http-app.js';
import { ProblemFilter } from './problem.filter.js';

export interface HttpAppOptions {
  /** Origins of pages that may call; none by default. */
  readonly corsOrigins?: readonly string[];
  /** Where Nest's own messages go; nowhere by default. */
  readonly logger?: Logger;
}

/**
 * An application whose only content is Wattproof: every refusal is a problem document, those of unknown
 * routes and of the host's own parsers included. Not yet listening. `adapter`: `new FastifyAdapter()`
 * or `new ExpressAdapter()`. Rejects with what kept the gateway from being assembled.
 */
export async function createHttpApp(
  root: Type | DynamicModule,
  adapter: AbstractHttpAdapter,
  options: HttpAppOptions = {},
): Promise<INestApplication> {
  const app = await NestFactory.create(root as Type, adapter, {
    // The caller decides how the process ends.
    abortOnError: false,
    logger: new NestLogger(options.logger ?? silentLogger),
  });
  const gateway = app.get<Gateway>(GATEWAY);
  app.useGlobalFilters(new ProblemFilter(gateway));
  const { corsOrigins = [] } = options;
  if (corsOrigins.length > 0) {
    // First of all, so that refusals of bodies can be read by those pages too.
    app.enableCors({
      origin: [...corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: ['Link', 'Retry-After'],
    });
  }
  prepareHttpApp(app);
  return app;
}
