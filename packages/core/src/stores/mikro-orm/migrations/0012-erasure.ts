import { Migration } from '@mikro-orm/migrations';

/** Which entries were erased, by keyed hash too, and which entries say something of others. */
export class Migration0012 extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE erased_entry (
      entry_id uuid PRIMARY KEY,
      account_id text NOT NULL,
      -- HMAC-SHA-256 of the log hash under a secret that is kept elsewhere.
      key bytea NOT NULL,
      erased_at_ms int8 NOT NULL
    )`);
    this.addSql('CREATE INDEX erased_entry_by_key ON erased_entry (key)');
    this.addSql(`CREATE TABLE entry_derivation (
      entry_id uuid NOT NULL,
      source_id uuid NOT NULL,
      PRIMARY KEY (source_id, entry_id)
    )`);
  }
}
