import { Migration } from '@mikro-orm/migrations';

/** How often the secret of an endpoint was changed, and until when the one before signs as well. */
export class Migration0021 extends Migration {
  override up(): void {
    this.addSql(`ALTER TABLE webhook_endpoint ADD COLUMN secret_version int4 NOT NULL DEFAULT 0,
      ADD COLUMN previous_secret_until_ms int8`);
  }
}
