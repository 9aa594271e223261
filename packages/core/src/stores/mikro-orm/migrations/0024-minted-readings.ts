import { Migration } from '@mikro-orm/migrations';

/**
 * Which readings tokens were made of, and which energy can be claimed, each beside the number by which lists are paged: a page
 * costs what it returns, however many readings it leaves out.
 */
export class Migration0024 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const TOKEN = `class = 'energy' AND EXISTS (SELECT FROM energy_claim c
  WHERE c.account = energy_account.id AND c.purpose IN ('token', 'token-with-origin'))`;

const STATEMENTS = [
  // Of an account: that a token claims some of it. Of a reading: that it credits such an account now.
  'ALTER TABLE energy_account ADD COLUMN minted boolean NOT NULL DEFAULT false, ADD COLUMN arrival int8',
  `UPDATE energy_account SET minted = ${TOKEN}, arrival = e.arrival FROM entry e WHERE e.id = energy_account.entry_id`,
  'ALTER TABLE entry ADD COLUMN minted boolean NOT NULL DEFAULT false',
  `UPDATE entry SET minted = true WHERE id IN (SELECT entry_id FROM energy_account WHERE minted)`,

  // A column and not a predicate over the balances: a claim that leaves something changes no index.
  `ALTER TABLE energy_account ALTER COLUMN arrival SET NOT NULL,
    ADD COLUMN claimable boolean NOT NULL
      GENERATED ALWAYS AS (class = 'energy' AND NOT frozen AND shortfall = 0 AND claimed < credited) STORED`,
  `CREATE INDEX energy_account_claimable ON energy_account (arrival) WHERE claimable`,
  `CREATE INDEX reading_of_owner ON entry (account_id, minted, arrival) WHERE type = 'reading' AND meter_id IS NOT NULL`,
  `CREATE INDEX reading_unminted ON entry (arrival) WHERE type = 'reading' AND meter_id IS NOT NULL AND NOT minted`,
  `CREATE INDEX reading_minted ON entry (arrival) WHERE type = 'reading' AND meter_id IS NOT NULL AND minted`,
];
