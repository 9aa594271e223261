export { WsConfig } from './ws.config.js';
