import assert from 'node:assert/strict';
import { SqlAnchors } from '../../src/stores/mikro-orm/anchors.js';
import { SqlLeases } from '../../src/stores/mikro-orm/leases.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { PgliteSql } from '../../src/stores/mikro-orm/pglite.sql.js';
import {
  sampleAttempt,
  sampleEvidence,
  sampleIntent,
} from '../../src/testing/store-suite/sample-intents.js';

describe('what the database keeps of anchoring', () => {
  let sql: PgliteSql;
  const intent = sampleIntent();

  beforeAll(async () => {
    sql = await PgliteSql.open();
    await migrate({ kind: 'pglite', sql }, MIGRATIONS);
    const anchors = new SqlAnchors(sql);
    const lease = await new SqlLeases(sql).acquire('anchor', 'a', 60_000);
    assert.ok(lease);
    await anchors.putIntent(intent);
    await anchors.putAttempt(lease, sampleAttempt(intent.id, 0));
    const key = { intentId: intent.id, number: 0 };
    await anchors.moveAttempt(lease, key, 'signed', 'broadcast');
    await anchors.moveAttempt(lease, key, 'broadcast', 'broadcast');
    await anchors.moveIntent(lease, intent.id, 'queued', 'broadcast', { reason: 'sent' });
    await anchors.putEvidence(lease, intent.id, sampleEvidence());
  });
  afterAll(() => sql.close());

  it('has every change of state with the fence it was made under', async () => {
    const history = await sql.query(
      'SELECT attempt, from_state, to_state, detail, fence FROM anchor_history ORDER BY id',
    );
    assert.deepEqual(history, [
      { attempt: 0, from_state: null, to_state: 'signed', detail: null, fence: 1n },
      { attempt: 0, from_state: 'signed', to_state: 'broadcast', detail: null, fence: 1n },
      { attempt: null, from_state: 'queued', to_state: 'broadcast', detail: 'sent', fence: 1n },
    ]);
  });

  it('refuses to change signed bytes and to delete attempts, evidence or history', async () => {
    for (const statement of [
      `UPDATE anchor_attempt SET signed = '\\x00'`,
      `UPDATE anchor_attempt SET tx_id = 'another'`,
      'DELETE FROM anchor_attempt',
      'DELETE FROM anchor_evidence',
      `UPDATE anchor_evidence SET evidence = '{}'`,
      'DELETE FROM anchor_history',
      'TRUNCATE anchor_history',
    ])
      await assert.rejects(sql.query(statement), { sqlState: '23001' }, statement);
  });
});
