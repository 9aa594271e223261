import { Migration } from '@mikro-orm/migrations';

/**
 * The log: entries and what ingestion, sealing and proofs need of them. Milliseconds and micro-watt-hours are
 * int8. Bodies, salts and hashes stand in a table of their own because erasure deletes them; positions,
 * batches, tiles and checkpoints are append-only, which triggers enforce.
 */
export class Migration0001 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  'CREATE EXTENSION IF NOT EXISTS btree_gist',

  `CREATE TABLE log (
    id int2 PRIMARY KEY,
    origin text
  )`,
  'INSERT INTO log (id) VALUES (1)',

  // Foreign keys would cost a lookup per row on the hottest path; each of these is written in one transaction.
  `CREATE TABLE entry (
    id uuid PRIMARY KEY,
    log_id int2 NOT NULL DEFAULT 1,
    account_id text NOT NULL,
    source text NOT NULL CHECK (source IN ('external', 'system')),
    type text NOT NULL,
    format text NOT NULL,
    assurance text NOT NULL,
    received_at_ms int8 NOT NULL,
    -- Pages lists and nothing else: numbers commit out of order and have gaps.
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    meter_id text,
    starts_ms int8,
    ends_ms int8
  )`,
  'CREATE INDEX entry_by_meter ON entry (meter_id, arrival) WHERE meter_id IS NOT NULL',

  `CREATE TABLE entry_body (
    entry_id uuid PRIMARY KEY,
    log_id int2 NOT NULL DEFAULT 1,
    bytes bytea NOT NULL,
    salt bytea NOT NULL,
    log_hash bytea NOT NULL,
    signature_alg text,
    signature_key_id text,
    signature_public_key bytea,
    signature_value bytea,
    signature_nonce bytea,
    signature_index int4,
    signature_count int4,
    signature_path bytea,
    UNIQUE (log_id, log_hash)
  )`,

  `CREATE TABLE reading (
    entry_id uuid NOT NULL,
    register text NOT NULL,
    fingerprint bytea NOT NULL,
    site_id text NOT NULL,
    device_id text NOT NULL,
    energy_uwh int8 NOT NULL CHECK (energy_uwh >= 0),
    estimated boolean NOT NULL,
    PRIMARY KEY (entry_id, register)
  )`,

  // Who covers which time on which register. A point reading is the closed span [t, t]. meter_register is the
  // first half of SHA-256(fingerprint || register): the index over the two columns costs twice as much.
  `CREATE TABLE reading_interval (
    meter_register uuid NOT NULL,
    span int8range NOT NULL CHECK (NOT isempty(span)),
    entry_id uuid NOT NULL,
    CONSTRAINT reading_interval_overlap
      EXCLUDE USING gist (meter_register WITH =, span WITH &&)
  )`,

  `CREATE TABLE reading_sequence (
    device text NOT NULL,
    epoch int8 NOT NULL,
    number int8 NOT NULL,
    entry_id uuid NOT NULL,
    PRIMARY KEY (device, epoch, number)
  )`,

  `CREATE TABLE receipt_group (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log_id int2 NOT NULL DEFAULT 1,
    leaves bytea NOT NULL,
    root bytea NOT NULL,
    signature bytea NOT NULL,
    key_id text NOT NULL,
    committed_at_ms int8 NOT NULL,
    include_by_ms int8 NOT NULL,
    durability text NOT NULL
  )`,

  // Append-only: the newest verdict of an entry is the one of its highest group.
  `CREATE TABLE verdict (
    entry_id uuid NOT NULL,
    group_id int8 NOT NULL,
    receipt_index int4 NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('accepted', 'flagged', 'quarantined')),
    reason text,
    assurance text NOT NULL,
    rule_set text NOT NULL,
    PRIMARY KEY (entry_id, group_id)
  )`,

  // The queue of the sealer. Its id only orders what waits; gaps and late commits do not matter.
  `CREATE TABLE log_unsealed (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log_id int2 NOT NULL DEFAULT 1,
    entry_id uuid NOT NULL,
    source text NOT NULL,
    profile text NOT NULL,
    leaf bytea NOT NULL CHECK (length(leaf) = 32),
    received_at_ms int8 NOT NULL
  )`,

  `CREATE TABLE log_head (
    log_id int2 PRIMARY KEY,
    batches int8 NOT NULL,
    entries int8 NOT NULL,
    last_leaf bytea NOT NULL,
    frontier bytea NOT NULL
  )`,
  `INSERT INTO log_head VALUES (1, 0, 0, decode(repeat('00', 32), 'hex'), '')`,

  `CREATE TABLE batch (
    log_id int2 NOT NULL DEFAULT 1,
    number int8 NOT NULL,
    id text NOT NULL UNIQUE,
    profile text NOT NULL,
    lane text NOT NULL,
    count int4 NOT NULL CHECK (count BETWEEN 1 AND 1048576),
    external_count int4 NOT NULL,
    first int8 NOT NULL,
    root bytea NOT NULL,
    metadata bytea NOT NULL,
    log_leaf bytea NOT NULL,
    log_root bytea NOT NULL,
    sealed_at_ms int8 NOT NULL,
    PRIMARY KEY (log_id, number)
  )`,
  `CREATE TABLE batch_position (
    log_id int2 NOT NULL DEFAULT 1,
    batch_number int8 NOT NULL,
    index int4 NOT NULL,
    entry_id uuid NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (entry_id)
  )`,
  'CREATE UNIQUE INDEX batch_position_once ON batch_position (log_id, batch_number, index)',
  `CREATE TABLE batch_tile (
    log_id int2 NOT NULL DEFAULT 1,
    batch_number int8 NOT NULL,
    level int2 NOT NULL,
    index int4 NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (log_id, batch_number, level, index)
  )`,
  // Hashes do not compress: trying to would only cost time.
  'ALTER TABLE batch_tile ALTER COLUMN hashes SET STORAGE EXTERNAL',
  `CREATE TABLE batch_checkpoint (
    log_id int2 NOT NULL DEFAULT 1,
    batch_number int8 NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (log_id, batch_number)
  )`,

  // xid8 makes reading commit-safe: what may still commit is never older than pg_snapshot_xmin.
  `CREATE TABLE outbox (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    type text NOT NULL,
    data jsonb NOT NULL,
    at_ms int8 NOT NULL
  )`,
  'CREATE INDEX outbox_in_commit_order ON outbox (txid, id)',

  `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% of % is refused: the log is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
    END $$`,
  ...['verdict', 'receipt_group', 'batch', 'batch_position', 'batch_tile', 'batch_checkpoint'].map(
    (table) => `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,
  ),
];
