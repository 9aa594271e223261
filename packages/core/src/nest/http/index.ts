export { createHttpApp, type HttpAppOptions } from './create-http-app.js';
export { prepareHttpApp } from './prepare-http-app.js';
export { Problem } from './problem.js';
export { OPEN_GROUPS, type OpenGroup, type RouteName, type RouteRule, ROUTES } from './routes.js';
export {
  type ControllerGroup,
  WattproofHttpModule,
  type WattproofHttpModuleOptions,
} from './wattproof-http.module.js';
export { hostAdapter, type HostAdapterOptions } from './host-adapter.js';
export { type ServedGateway, serveGateway } from './serve-gateway.js';
