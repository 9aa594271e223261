import type { NamedMigration } from '../migrate.js';
import { Migration0001 } from './0001-log.js';
import { Migration0002 } from './0002-anchoring-and-administration.js';
import { Migration0003 } from './0003-meter-allowlist.js';
import { Migration0004 } from './0004-energy-ledger.js';
import { Migration0005 } from './0005-due-intents.js';
import { Migration0006 } from './0006-meter-owners.js';
import { Migration0007 } from './0007-device-keys.js';
import { Migration0008 } from './0008-review.js';
import { Migration0009 } from './0009-findings.js';
import { Migration0010 } from './0010-users.js';
import { Migration0011 } from './0011-webhooks-and-notices.js';
import { Migration0012 } from './0012-erasure.js';
import { Migration0013 } from './0013-envelopes.js';
import { Migration0014 } from './0014-keys-of-devices.js';
import { Migration0015 } from './0015-device-desk.js';
import { Migration0017 } from './0017-forked-chains.js';
import { Migration0018 } from './0018-shortfalls.js';
import { Migration0019 } from './0019-stated-keys.js';
import { Migration0020 } from './0020-held-claimants.js';
import { Migration0021 } from './0021-webhook-secrets.js';
import { Migration0024 } from './0024-minted-readings.js';

/** In the order of application; a released one never changes. */
export const MIGRATIONS: readonly NamedMigration[] = [
  { name: '0001-log', class: Migration0001 },
  { name: '0002-anchoring-and-administration', class: Migration0002 },
  { name: '0003-meter-allowlist', class: Migration0003 },
  { name: '0004-energy-ledger', class: Migration0004 },
  { name: '0005-due-intents', class: Migration0005 },
  { name: '0006-meter-owners', class: Migration0006 },
  { name: '0007-device-keys', class: Migration0007 },
  { name: '0008-review', class: Migration0008 },
  { name: '0009-findings', class: Migration0009 },
  { name: '0010-users', class: Migration0010 },
  { name: '0011-webhooks-and-notices', class: Migration0011 },
  { name: '0012-erasure', class: Migration0012 },
  { name: '0013-envelopes', class: Migration0013 },
  { name: '0014-keys-of-devices', class: Migration0014 },
  { name: '0015-device-desk', class: Migration0015 },
  { name: '0017-forked-chains', class: Migration0017 },
  { name: '0018-shortfalls', class: Migration0018 },
  { name: '0019-stated-keys', class: Migration0019 },
  { name: '0020-held-claimants', class: Migration0020 },
  { name: '0021-webhook-secrets', class: Migration0021 },
  { name: '0024-minted-readings', class: Migration0024 },
];
