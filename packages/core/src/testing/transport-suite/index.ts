export { ACCEPTED_ITEM, Arrival, HeldIngest } from './held-ingest.js';
export { DrivenJobs } from './driven-jobs.js';
export { KeptDesk } from './kept-desk.js';
export { KnownCallers } from './known-callers.js';
export { LocalHttpHost } from './local-http-host.js';
export { ToldEvents } from './told-events.js';
export { createTransport, type RunningTransport, TransportHost } from './running-transport.js';
