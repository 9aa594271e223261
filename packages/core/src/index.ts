export type { Store } from './stores/store.js';
