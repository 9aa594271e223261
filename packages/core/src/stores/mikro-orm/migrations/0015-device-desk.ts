import { Migration } from '@mikro-orm/migrations';

/** What devices say besides readings, and what they are asked to do. */
export class Migration0015 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  `CREATE TABLE device (
    device text COLLATE "C" PRIMARY KEY,
    -- It was no registered meter when it was first heard of, nor when somebody last looked.
    stranger boolean NOT NULL,
    online boolean,
    why text,
    since_ms int8,
    seen_at_ms int8,
    telemetry text,
    telemetry_at_ms int8,
    available_energy_uwh int8
  )`,
  'CREATE INDEX device_stranger ON device (seen_at_ms) WHERE stranger',
  'CREATE INDEX device_online ON device (device) WHERE online',
  `CREATE TABLE device_alert (
    id text COLLATE "C" PRIMARY KEY,
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    device text COLLATE "C" NOT NULL REFERENCES device (device),
    account_id text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    code text NOT NULL,
    text text NOT NULL,
    at_ms int8 NOT NULL,
    received_at_ms int8 NOT NULL,
    body text NOT NULL,
    cleared_by text,
    cleared_at_ms int8,
    clear_reason text
  )`,
  'CREATE INDEX device_alert_of_device ON device_alert (device, arrival)',
  'CREATE INDEX device_alert_open ON device_alert (device) WHERE cleared_at_ms IS NULL',
  'CREATE INDEX device_alert_cleared ON device_alert (cleared_at_ms) WHERE cleared_at_ms IS NOT NULL',
  `CREATE TABLE delivery_progress (
    transfer_id text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    device text,
    account_id text NOT NULL,
    state text NOT NULL,
    delivered_uwh int8,
    at_ms int8 NOT NULL,
    received_at_ms int8 NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (transfer_id, hash)
  )`,
  'CREATE INDEX delivery_progress_of_transfer ON delivery_progress (transfer_id, account_id, arrival)',
  'CREATE INDEX delivery_progress_of_account ON delivery_progress (account_id, arrival)',
  'CREATE INDEX delivery_progress_by_time ON delivery_progress (received_at_ms)',
  `CREATE TABLE dead_letter (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms int8 NOT NULL,
    source text COLLATE "C" NOT NULL,
    device text,
    code text NOT NULL,
    detail text NOT NULL,
    size int8 NOT NULL,
    sha256 bytea NOT NULL,
    first_bytes bytea NOT NULL
  )`,
  'CREATE INDEX dead_letter_of_source ON dead_letter (source, id)',
  'CREATE INDEX dead_letter_of_code ON dead_letter (code, id)',

  `CREATE TABLE device_command (
    id text COLLATE "C" PRIMARY KEY,
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    nonce text NOT NULL,
    meter_id text COLLATE "C" NOT NULL,
    account_id text NOT NULL,
    name text NOT NULL,
    body text NOT NULL,
    asked_by text NOT NULL,
    asked_at_ms int8 NOT NULL,
    deadline_ms int8 NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'sent', 'answered', 'timeout')),
    sends int4 NOT NULL,
    next_send_at_ms int8 NOT NULL,
    sent_at_ms int8,
    answered_at_ms int8,
    answer text,
    answer_hash bytea,
    answer_assurance text,
    answer_key_id text
  )`,
  `CREATE INDEX device_command_due ON device_command (next_send_at_ms, id) WHERE state IN ('pending', 'sent')`,
  `CREATE INDEX device_command_open ON device_command (meter_id) WHERE state IN ('pending', 'sent')`,
  'CREATE INDEX device_command_of_meter ON device_command (meter_id, arrival)',
  `CREATE INDEX device_command_done ON device_command (deadline_ms) WHERE state IN ('answered', 'timeout')`,
];
