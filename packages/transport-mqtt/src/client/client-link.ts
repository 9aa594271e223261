import type { Health, PluginContext } from '@wattproof/core/spi';
import type { Link, TakeMessage } from '../link.js';
import type { ClientConfig } from './client.config.js';

/** The gateway as a client of somebody's broker. */
export class ClientLink implements Link {
  constructor(
    private readonly url: string,
    private readonly config: ClientConfig,
    private readonly filters: readonly string[],
    private readonly context: PluginContext,
  ) {}

  async open(_take: TakeMessage): Promise<void> {
    this.context.logger.info('Connecting.', {
      url: this.url,
      version: this.config.version,
      filters: this.filters,
    });
  }

  async close(): Promise<void> {}

  async publish(): Promise<'sent' | 'unreachable'> {
    return 'unreachable';
  }

  health(): Health {
    return { live: true, ready: false };
  }
}
