import { Migration } from '@mikro-orm/migrations';

/** Who said that the meter of a held reading is theirs: on release their claim stands in place of the others'. */
export class Migration0020 extends Migration {
  override up(): void {
    this.addSql('ALTER TABLE quarantine ADD COLUMN claimant text');
  }
}
