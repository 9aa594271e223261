import { defineTransport } from '@wattproof/core/spi';
import { nodeTimers } from './client/timers.js';
import { MqttConfig } from './mqtt.config.js';
import { MqttTransport } from './mqtt.transport.js';

export default defineTransport({
  name: 'mqtt',
  config: MqttConfig,
  capabilities: {
    protocol: 'mqtt',
    commands: true,
    needs: { callers: true, desk: true, http: true },
  },
  create: (config, context) => new MqttTransport(config, context, nodeTimers, Math.random),
});
