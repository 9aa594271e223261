import { Migration } from '@mikro-orm/migrations';

/**
 * Keys over time: until when a replaced key speaks, recoveries that wait for a second person, and the question every group of
 * readings asks before it is written: which of these keys are revoked.
 */
export class Migration0007 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  'ALTER TABLE meter_key ADD COLUMN valid_to_ms int8',
  'CREATE INDEX meter_key_revoked ON meter_key (meter_id) WHERE revoked_at_ms IS NOT NULL',

  `CREATE TABLE key_recovery (
    id text COLLATE "C" PRIMARY KEY,
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    meter_id text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    asked_by text NOT NULL,
    key_id text NOT NULL,
    alg text NOT NULL,
    public_key bytea NOT NULL,
    epoch int8 NOT NULL,
    reason text NOT NULL,
    asked_at_ms int8 NOT NULL,
    expires_at_ms int8 NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'withdrawn')),
    decided_by text,
    decided_at_ms int8,
    -- The rule of two, whatever writes.
    CHECK (state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> asked_by))
  )`,
  `CREATE UNIQUE INDEX key_recovery_open ON key_recovery (meter_id) WHERE state = 'open'`,
  'CREATE INDEX key_recovery_of_account ON key_recovery (account_id, arrival)',

  /*
   * Whoever revokes holds the lock alone until it commits, whoever writes readings shares it: a group that waits here sees the
   * revocation, one that was before it is committed before it. Volatile, so that the second statement looks again after the wait.
   */
  `CREATE FUNCTION hold_keys_still() RETURNS void LANGUAGE sql VOLATILE AS 'SELECT pg_advisory_xact_lock(7305118)'`,
  `CREATE FUNCTION revoked_keys(meters text[]) RETURNS TABLE (of_meter text, revoked_key bytea)
   LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared(7305118);
      RETURN QUERY SELECT k.meter_id::text, k.public_key FROM meter_key k
        WHERE k.revoked_at_ms IS NOT NULL AND k.meter_id = ANY (meters);
    END $$`,
];
