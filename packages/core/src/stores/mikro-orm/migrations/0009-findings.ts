import { Migration } from '@mikro-orm/migrations';

/** What detectors found in readings. The log states each finding by its hash; what it follows from stands here, and is erased with the reading. */
export class Migration0009 extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE finding (
      entry_id uuid NOT NULL,
      register text COLLATE "C" NOT NULL,
      detector text COLLATE "C" NOT NULL,
      code text NOT NULL,
      action text NOT NULL CHECK (action IN ('flag', 'quarantine')),
      hash bytea NOT NULL,
      document bytea NOT NULL,
      stated_by uuid NOT NULL,
      PRIMARY KEY (entry_id, register, detector)
    )`);
  }
}
