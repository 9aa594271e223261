import { Migration } from '@mikro-orm/migrations';

/**
 * Leases, anchoring, meters, API keys, the outbox's cursors and plugins' collections. Attempts keep their signed
 * bytes, evidence only grows, and every move of either is written into a history; triggers enforce that.
 */
export class Migration0002 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  // Rows are never deleted: a fence must never be given twice. No expiry: released.
  `CREATE TABLE lease (
    name text PRIMARY KEY,
    holder text NOT NULL,
    fence int8 NOT NULL,
    expires_at timestamptz
  )`,

  `CREATE TABLE anchor_intent (
    id text PRIMARY KEY,
    log_id int2 NOT NULL DEFAULT 1,
    arrival int8 GENERATED ALWAYS AS IDENTITY,
    anchor text NOT NULL,
    origin text NOT NULL,
    size int8 NOT NULL,
    root bytea NOT NULL,
    digest bytea NOT NULL,
    created_at_ms int8 NOT NULL,
    state text NOT NULL DEFAULT 'queued',
    reason text,
    retry_at_ms int8,
    bumps int4 NOT NULL DEFAULT 0,
    touched int8 NOT NULL DEFAULT 0
  )`,
  'CREATE SEQUENCE anchor_touch',
  `CREATE INDEX anchor_intent_open ON anchor_intent (anchor, created_at_ms)
    WHERE state NOT IN ('final', 'superseded', 'failed')`,
  `CREATE INDEX anchor_intent_final ON anchor_intent (anchor, touched) WHERE state = 'final'`,
  `CREATE INDEX anchor_intent_covering ON anchor_intent (anchor, size) WHERE state IN ('included', 'final')`,
  'CREATE INDEX anchor_intent_by_size ON anchor_intent (size)',

  `CREATE TABLE anchor_attempt (
    intent_id text NOT NULL REFERENCES anchor_intent (id),
    number int4 NOT NULL,
    tx_id text NOT NULL,
    child_of text,
    conflict_key text NOT NULL,
    signed bytea NOT NULL,
    -- Wei do not fit an int8.
    fee_amount numeric(78, 0) NOT NULL,
    fee_unit text NOT NULL,
    -- JSON is kept as text: jsonb cannot hold U+0000.
    fee_rate text,
    valid_until int8,
    detail text,
    state text NOT NULL,
    inclusion text,
    created_at_ms int8 NOT NULL,
    broadcast_at_ms int8,
    PRIMARY KEY (intent_id, number)
  )`,
  'CREATE INDEX anchor_attempt_by_age ON anchor_attempt (created_at_ms)',
  `CREATE FUNCTION keep_signed_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF (OLD.intent_id, OLD.number, OLD.tx_id, OLD.child_of, OLD.conflict_key, OLD.signed)
        IS DISTINCT FROM (NEW.intent_id, NEW.number, NEW.tx_id, NEW.child_of, NEW.conflict_key, NEW.signed) THEN
        RAISE EXCEPTION 'what attempt % of intent % has signed cannot change', OLD.number, OLD.intent_id
          USING ERRCODE = 'restrict_violation';
      END IF;
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER keep_signed_bytes BEFORE UPDATE ON anchor_attempt
    FOR EACH ROW EXECUTE FUNCTION keep_signed_bytes()`,
  `CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON anchor_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,
  `CREATE TABLE anchor_evidence (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intent_id text NOT NULL REFERENCES anchor_intent (id),
    evidence text NOT NULL
  )`,
  'CREATE INDEX anchor_evidence_newest ON anchor_evidence (intent_id, id)',
  // attempt is null for a move of the intent itself.
  `CREATE TABLE anchor_history (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intent_id text NOT NULL,
    attempt int4,
    from_state text,
    to_state text NOT NULL,
    detail text,
    fence int8 NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  ...['anchor_evidence', 'anchor_history'].map(
    (table) => `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,
  ),

  `CREATE TABLE meter (
    meter_id text COLLATE "C" PRIMARY KEY,
    device_id text,
    site_id text,
    account_id text NOT NULL,
    owner text,
    fingerprint bytea NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'suspended', 'retired')),
    rating_w float8,
    registered_at_ms int8 NOT NULL
  )`,
  'CREATE INDEX meter_by_account ON meter (account_id, meter_id)',
  `CREATE TABLE meter_key (
    meter_id text COLLATE "C" NOT NULL REFERENCES meter (meter_id),
    place int4 NOT NULL,
    key_id text NOT NULL,
    alg text NOT NULL,
    public_key bytea NOT NULL,
    epoch int8 NOT NULL,
    valid_from_ms int8 NOT NULL,
    revoked_at_ms int8,
    PRIMARY KEY (meter_id, place)
  )`,
  'CREATE INDEX meter_key_by_id ON meter_key (key_id)',
  'CREATE TABLE meter_revision (log_id int2 PRIMARY KEY, revision int8 NOT NULL)',
  'INSERT INTO meter_revision VALUES (1, 0)',
  `CREATE TABLE challenge (
    nonce text PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    used boolean NOT NULL DEFAULT false
  )`,
  'CREATE INDEX challenge_by_expiry ON challenge (expires_at)',

  `CREATE TABLE account (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL
  )`,
  `INSERT INTO account VALUES ('default', 'Default account')`,
  `CREATE TABLE api_key (
    id text COLLATE "C" PRIMARY KEY,
    account_id text NOT NULL,
    role text NOT NULL,
    scopes text NOT NULL,
    digest bytea NOT NULL,
    expires_at_ms int8,
    revoked_at_ms int8,
    created_at_ms int8 NOT NULL
  )`,
  'CREATE INDEX api_key_by_account ON api_key (account_id, id)',

  'CREATE TABLE outbox_head (log_id int2 PRIMARY KEY, last int8 NOT NULL)',
  'INSERT INTO outbox_head VALUES (1, 0)',
  'CREATE TABLE outbox_cursor (name text PRIMARY KEY, position int8 NOT NULL)',

  `CREATE TABLE collection (
    instance_id text NOT NULL,
    name text NOT NULL,
    version int4 NOT NULL,
    indexes text NOT NULL,
    PRIMARY KEY (instance_id, name)
  )`,
  `CREATE TABLE collection_document (
    instance_id text NOT NULL,
    collection text NOT NULL,
    key text COLLATE "C" NOT NULL,
    version int8 NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (instance_id, collection, key)
  )`,
  // kind 0: integer, in number; kind 1: string, in word. Sorted as the columns stand here.
  `CREATE TABLE collection_index (
    instance_id text NOT NULL,
    collection text NOT NULL,
    field text NOT NULL,
    kind int2 NOT NULL,
    number int8 NOT NULL,
    word text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id, collection, field, kind, number, word, key)
  )`,
  'CREATE INDEX collection_index_by_key ON collection_index (instance_id, collection, key)',
];
