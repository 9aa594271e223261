import { Migration } from '@mikro-orm/migrations';

/** Endpoints that events are sent to, what waits for them, and what accounts are told. */
export class Migration0011 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  // Secrets are not here: they are derived from one beside the log key.
  `CREATE TABLE webhook_endpoint (
    id text COLLATE "C" PRIMARY KEY,
    account_id text NOT NULL,
    every_account boolean NOT NULL,
    url text NOT NULL,
    types text NOT NULL,
    in_order boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'paused', 'disabled')),
    created_at_ms int8 NOT NULL,
    failures int4 NOT NULL,
    failing_since_ms int8,
    retry_at_ms int8 NOT NULL,
    told_failing boolean NOT NULL,
    missed int8 NOT NULL
  )`,
  'CREATE INDEX webhook_endpoint_of_account ON webhook_endpoint (account_id)',
  `CREATE TABLE webhook_delivery (
    endpoint_id text COLLATE "C" NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    entry_id uuid,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts int4 NOT NULL,
    created_at_ms int8 NOT NULL,
    next_at_ms int8 NOT NULL,
    expires_at_ms int8 NOT NULL,
    last_at_ms int8,
    last_status int4,
    last_error text,
    PRIMARY KEY (endpoint_id, event_id)
  )`,
  `CREATE INDEX webhook_delivery_pending ON webhook_delivery (endpoint_id, event_id) WHERE state = 'pending'`,
  `CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_at_ms) WHERE state = 'pending'`,
  'CREATE INDEX webhook_delivery_of_entry ON webhook_delivery (entry_id) WHERE entry_id IS NOT NULL',
  `CREATE INDEX webhook_delivery_done ON webhook_delivery (last_at_ms) WHERE state <> 'pending'`,

  `CREATE TABLE notice (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    text text NOT NULL,
    data text NOT NULL,
    at_ms int8 NOT NULL,
    count int8 NOT NULL,
    last_event text COLLATE "C" NOT NULL,
    read_at_ms int8,
    entry_id uuid
  )`,
  'CREATE INDEX notice_of_account ON notice (account_id, id)',
  'CREATE UNIQUE INDEX notice_unread ON notice (account_id, topic) WHERE read_at_ms IS NULL',
  'CREATE INDEX notice_of_topic ON notice (account_id, topic, last_event)',
  'CREATE INDEX notice_of_entry ON notice (entry_id) WHERE entry_id IS NOT NULL',

  // Replays ask for a time.
  'CREATE INDEX outbox_by_time ON outbox (at_ms)',
];
