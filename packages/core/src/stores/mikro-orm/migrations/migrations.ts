import type { NamedMigration } from '../migrate.js';
import { Migration0001 } from './0001-log.js';

/** In the order of application; a released one never changes. */
export const MIGRATIONS: readonly NamedMigration[] = [
  { name: '0001-log', class: Migration0001 },
];
