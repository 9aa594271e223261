import { Migration } from '@mikro-orm/migrations';

/** Finds the open intents that were looked at longest ago, and those that hold one conflict key. */
export class Migration0005 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  `CREATE INDEX anchor_intent_due ON anchor_intent (anchor, touched)
    WHERE state NOT IN ('final', 'superseded', 'failed')`,
  `CREATE INDEX anchor_intent_under_way ON anchor_intent (anchor, touched)
    WHERE state NOT IN ('queued', 'final', 'superseded', 'failed')`,
  'CREATE INDEX anchor_attempt_by_key ON anchor_attempt (conflict_key)',
];
