import { Migration } from '@mikro-orm/migrations';

/** Accounts that lack something, found by the time they cover: few, and asked for by every credit. */
export class Migration0018 extends Migration {
  override up(): void {
    this.addSql(
      'CREATE INDEX energy_account_lacking ON energy_account (meter_id, register, starts_ms) WHERE shortfall > 0',
    );
  }
}
