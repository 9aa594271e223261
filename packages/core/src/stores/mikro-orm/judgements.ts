import type { Judgement, JudgementStore } from '../../logs/judgement.store.js';
import type { Assurance, StoredVerdict } from '../../logs/verdict.js';
import { uuidOf } from './entry-id.js';
import type { Sql } from './sql.js';

interface JudgementRow {
  readonly verdict: StoredVerdict;
  readonly reason: string | null;
  readonly assurance: Assurance;
  readonly rule_set: string;
  readonly inputs: string | null;
  readonly committed_at_ms: bigint;
}

export class SqlJudgements implements JudgementStore {
  constructor(private readonly sql: Sql) {}

  async of(entryId: string): Promise<readonly Judgement[]> {
    const uuid = uuidOf(entryId);
    if (uuid === undefined) return [];
    const rows = await this.sql.query<JudgementRow>(
      `SELECT v.verdict, v.reason, v.assurance, v.rule_set, v.inputs, g.committed_at_ms
       FROM verdict v JOIN receipt_group g ON g.id = v.group_id WHERE v.entry_id = $1 ORDER BY v.group_id`,
      [uuid],
    );
    return rows.map((row) => ({
      verdict: row.verdict,
      ...(row.reason === null ? {} : { reason: row.reason }),
      assurance: row.assurance,
      ruleSet: row.rule_set,
      ...(row.inputs === null ? {} : { inputs: row.inputs }),
      committedAtMs: Number(row.committed_at_ms),
    }));
  }

  async keepRules({ id, text }: { readonly id: string; readonly text: string }): Promise<void> {
    await this.sql.query(
      'INSERT INTO rule_set (id, document) VALUES ($1, $2) ON CONFLICT DO NOTHING',
      [id, text],
    );
  }

  async rules(id: string): Promise<string | undefined> {
    const [row] = await this.sql.query<{ document: string }>(
      'SELECT document FROM rule_set WHERE id = $1',
      [id],
    );
    return row?.document;
  }
}
