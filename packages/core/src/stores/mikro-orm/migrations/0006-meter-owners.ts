import { Migration } from '@mikro-orm/migrations';

/**
 * What a meter is (nameplate, registers, place), whose it was when, and offers to hand it over. No two owners have the
 * same millisecond of a meter: the exclusion constraint sees to it, whatever writes.
 */
export class Migration0006 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  // JSON is kept as text: jsonb would order and round it.
  `ALTER TABLE meter ADD COLUMN nameplate text, ADD COLUMN registers text, ADD COLUMN location text,
    ADD COLUMN admitted boolean NOT NULL DEFAULT false, ADD COLUMN handed_over boolean NOT NULL DEFAULT false`,
  `UPDATE meter SET admitted = true WHERE state IN ('active', 'suspended')`,

  `CREATE TABLE meter_ownership (
    meter_id text COLLATE "C" NOT NULL REFERENCES meter (meter_id),
    account_id text COLLATE "C" NOT NULL,
    owner text,
    -- Milliseconds; the first owner's has no lower bound, the newest one's no upper.
    span int8range NOT NULL CHECK (NOT isempty(span)),
    CONSTRAINT meter_ownership_overlap EXCLUDE USING gist (meter_id WITH =, span WITH &&)
  )`,
  'CREATE INDEX meter_ownership_of_account ON meter_ownership (account_id, meter_id)',
  `INSERT INTO meter_ownership SELECT meter_id, account_id, owner, '(,)' FROM meter`,

  `CREATE TABLE meter_transfer (
    id text COLLATE "C" PRIMARY KEY,
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    meter_id text COLLATE "C" NOT NULL REFERENCES meter (meter_id),
    from_account text COLLATE "C" NOT NULL,
    to_account text COLLATE "C" NOT NULL CHECK (to_account <> from_account),
    state text NOT NULL CHECK (state IN ('offered', 'accepted', 'withdrawn', 'expired')),
    effective_at_ms int8,
    expires_at_ms int8 NOT NULL,
    offered_at_ms int8 NOT NULL,
    closed_at_ms int8,
    CHECK (state <> 'accepted' OR effective_at_ms IS NOT NULL)
  )`,
  // One open offer per meter.
  `CREATE UNIQUE INDEX meter_transfer_open ON meter_transfer (meter_id) WHERE state = 'offered'`,
  'CREATE INDEX meter_transfer_of_meter ON meter_transfer (meter_id, arrival)',
  'CREATE INDEX meter_transfer_from ON meter_transfer (from_account, arrival)',
  'CREATE INDEX meter_transfer_to ON meter_transfer (to_account, arrival)',
  // What the gateway itself states is few among readings, and read for itself.
  `CREATE INDEX entry_of_system ON entry (arrival) WHERE source = 'system'`,
  // Of the readings of a meter, those somebody has to look at are few.
  `CREATE INDEX verdict_not_accepted ON verdict (entry_id) WHERE verdict <> 'accepted'`,
];
