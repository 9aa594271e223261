import type { Health, PluginContext } from '@wattproof/core/spi';
import type { Link, TakeMessage } from '../link.js';
import type { TopicMaps } from '../topics/topic-maps.js';
import type { BrokerConfig } from './broker.config.js';

/** The gateway as the broker that devices connect to. */
export class BrokerLink implements Link {
  constructor(
    private readonly config: BrokerConfig,
    private readonly maps: TopicMaps,
    private readonly context: PluginContext,
  ) {}

  async open(_take: TakeMessage): Promise<void> {
    throw new Error(
      `The embedded broker on port ${this.config.port} is not available yet; give "url" to use a broker.`,
    );
  }

  async close(): Promise<void> {}

  async publish(): Promise<'sent' | 'unreachable'> {
    return 'unreachable';
  }

  health(): Health {
    return { live: true, ready: false, facts: { instance: this.context.instanceId } };
  }
}
