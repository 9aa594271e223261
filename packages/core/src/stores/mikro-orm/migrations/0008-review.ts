import { Migration } from '@mikro-orm/migrations';

/** What several people claim, what waits for somebody to look at it, and what a verdict was given for. */
export class Migration0008 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  // Readings of meters without a registered owner: two owners' are at least 15 minutes apart. On every reading the
  // constraint would cost a fifth of the throughput. claimable: 1 or 0; what cannot be claimed holds back nothing that can.
  `CREATE TABLE reading_contested (
    fingerprint bytea NOT NULL,
    claimable int2 NOT NULL,
    span int8range NOT NULL CHECK (NOT isempty(span)),
    claimant text NOT NULL,
    account_id text NOT NULL,
    entry_id uuid NOT NULL,
    CONSTRAINT reading_contested_owner
      EXCLUDE USING gist (fingerprint WITH =, claimable WITH =, span WITH &&, claimant WITH <>)
  )`,
  'CREATE INDEX reading_contested_of_entry ON reading_contested (entry_id)',

  // One row for an entry that was ever held. others: the entries it stands against.
  `CREATE TABLE quarantine (
    entry_id uuid PRIMARY KEY,
    arrival int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    account_id text NOT NULL,
    meter_id text NOT NULL,
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'released', 'rejected', 'accepted')),
    held_at_ms int8 NOT NULL,
    supersedes bytea,
    others uuid[] NOT NULL,
    decided_by text,
    decided_at_ms int8,
    decision_reason text,
    CHECK ((state IN ('released', 'rejected')) = (decided_by IS NOT NULL))
  )`,
  `CREATE INDEX quarantine_open ON quarantine (arrival) WHERE state = 'open'`,
  'CREATE INDEX quarantine_of_account ON quarantine (account_id, arrival)',

  // JSON: why nothing of this meter may be minted, certified or sold, until an operator says otherwise.
  'ALTER TABLE meter ADD COLUMN minting_suspended text',

  // JSON: what the rules looked at besides the document.
  'ALTER TABLE verdict ADD COLUMN inputs text',
  `CREATE TABLE rule_set (
    id text PRIMARY KEY,
    document text NOT NULL
  )`,
];
