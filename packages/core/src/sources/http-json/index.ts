import { defineTransport } from '../../spi/index.js';
import { HttpSource, SOURCE_COLLECTIONS } from './http-source.js';
import { HttpSourceConfig } from './http-source.config.js';

/** `@wattproof/core/http-source`: meters that do not push are asked over HTTP, on a schedule. */
export default defineTransport({
  name: '@wattproof/core/http-source',
  config: HttpSourceConfig,
  capabilities: {
    protocol: 'http-json',
    commands: false,
    needs: { collections: SOURCE_COLLECTIONS, jobs: true, desk: true },
  },
  create(config, { collections, jobs, desk, ...context }) {
    if (!collections || !jobs || !desk)
      throw new TypeError(
        `The source "${context.instanceId}" needs collections, jobs and a desk from its host.`,
      );
    return new HttpSource(config, { ...context, collections, jobs, desk });
  },
});

export { HttpSourceConfig } from './http-source.config.js';
