import { Migration } from '@mikro-orm/migrations';

/** Meter ids that may register under `devices.registration: allowlist`. */
export class Migration0003 extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE meter_allowed (
      meter_id text COLLATE "C" PRIMARY KEY,
      allowed_by text NOT NULL,
      allowed_at_ms int8 NOT NULL
    )`);
  }
}
