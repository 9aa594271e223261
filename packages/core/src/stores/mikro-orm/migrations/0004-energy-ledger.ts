import { Migration } from '@mikro-orm/migrations';

/**
 * What measured energy is worth and what it was used for. `claimed <= credited + shortfall` holds in the database whatever
 * writes to it. Claims are only ever added; the log holds an entry for each.
 */
export class Migration0004 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  `CREATE TABLE energy_account (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id text COLLATE "C" NOT NULL,
    register text COLLATE "C" NOT NULL,
    class text COLLATE "C" NOT NULL CHECK (class IN ('energy', 'attribute')),
    starts_ms int8 NOT NULL,
    ends_ms int8 NOT NULL CHECK (ends_ms >= starts_ms),
    account_id text NOT NULL,
    entry_id uuid NOT NULL,
    assurance text NOT NULL,
    credited int8 NOT NULL CHECK (credited >= 0),
    claimed int8 NOT NULL DEFAULT 0 CHECK (claimed >= 0),
    shortfall int8 NOT NULL DEFAULT 0 CHECK (shortfall >= 0),
    frozen boolean NOT NULL,
    CHECK (claimed <= credited + shortfall),
    UNIQUE (meter_id, starts_ms, register, class)
  )`,
  'CREATE INDEX energy_account_of_owner ON energy_account (account_id, class)',
  'CREATE INDEX energy_account_of_entry ON energy_account (entry_id)',

  // An operation is a claim with all its lines: its key makes it happen once.
  `CREATE TABLE energy_operation (
    purpose text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request bytea NOT NULL,
    entry_id uuid,
    PRIMARY KEY (purpose, key)
  )`,
  // A hold becomes claims reading by reading, each with an entry of its own.
  `CREATE TABLE energy_claim (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account int8 NOT NULL REFERENCES energy_account (id),
    purpose text NOT NULL,
    key text NOT NULL,
    amount int8 NOT NULL CHECK (amount > 0),
    entry_id uuid NOT NULL,
    UNIQUE (purpose, key, account, entry_id)
  )`,
  'CREATE INDEX energy_claim_of_account ON energy_claim (account, id)',
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON energy_claim
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,

  `CREATE TABLE energy_hold (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE,
    meter_id text COLLATE "C" NOT NULL,
    class text COLLATE "C" NOT NULL CHECK (class IN ('energy', 'attribute')),
    starts_ms int8 NOT NULL,
    ends_ms int8 NOT NULL CHECK (ends_ms > starts_ms),
    account_id text NOT NULL,
    amount int8 NOT NULL CHECK (amount > 0),
    claimed int8 NOT NULL DEFAULT 0 CHECK (claimed BETWEEN 0 AND amount),
    open boolean NOT NULL DEFAULT true
  )`,
  'CREATE INDEX energy_hold_open ON energy_hold (meter_id, class, starts_ms) WHERE open',
];
