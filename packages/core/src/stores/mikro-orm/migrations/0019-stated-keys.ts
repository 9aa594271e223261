import { Migration } from '@mikro-orm/migrations';

/** Keys that an operator read off a device which cannot sign a challenge, and when each first signed a reading. */
export class Migration0019 extends Migration {
  override up(): void {
    this.addSql(`ALTER TABLE meter_key ADD COLUMN stated_by text, ADD COLUMN proven_at_ms int8,
      ADD CHECK (proven_at_ms IS NULL OR stated_by IS NOT NULL)`);
  }
}
