import { Migration } from '@mikro-orm/migrations';

/** API keys of one meter, and what moves when a key ends before its time. */
export class Migration0014 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  `ALTER TABLE api_key ADD COLUMN meter_id text COLLATE "C"
     CHECK (meter_id IS NULL OR role = 'device')`,
  'CREATE INDEX api_key_of_meter ON api_key (meter_id, id) WHERE meter_id IS NOT NULL',
  'CREATE TABLE api_key_revision (log_id int2 PRIMARY KEY, revision int8 NOT NULL)',
  'INSERT INTO api_key_revision VALUES (1, 0)',
];
