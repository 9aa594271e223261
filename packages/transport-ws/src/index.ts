import { defineTransport } from '@wattproof/core/spi';
import { WsConfig } from './ws.config.js';
import { WsTransport } from './ws.transport.js';

export { WsConfig } from './ws.config.js';

/** What clients may subscribe to, each what is theirs to hear. */
const STREAMED = [
  'reading.*',
  'meter.*',
  'device.*',
  'batch.*',
  'anchor.*',
  'claim.*',
  'energy.*',
  'finding.*',
  'trade.*',
  'certificate.*',
] as const;

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
