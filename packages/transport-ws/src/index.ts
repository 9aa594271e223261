import { defineTransport } from '@wattproof/core/spi';
import { STREAMED } from './streamed.js';
import { WsConfig } from './ws.config.js';
import { WsTransport } from './ws.transport.js';

export { WsConfig } from './ws.config.js';

export default defineTransport({
  name: 'ws',
  config: WsConfig,
  capabilities: {
    protocol: 'websocket',
    commands: true,
    needs: { http: true, callers: true, desk: true, events: STREAMED },
  },
  create: (config, context) => new WsTransport(config, context),
});
