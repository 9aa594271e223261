// A log with very many entries, made inside the database: the rows are those that ingestion writes, with leaves that match.
const ROWS_PER_STATEMENT = 50_000;
/** Entries of one commit group, and of one run of the sealer's queue: as ingestion makes them under load. */
const GROUP_ROWS = 1_000;
const RUN_ROWS = 120;

const ENTRIES = `
  WITH groups AS MATERIALIZED (
    SELECT g, nextval(pg_get_serial_sequence('receipt_group', 'id')) AS id
    FROM generate_series($1::int8 / ${GROUP_ROWS}, $2::int8 / ${GROUP_ROWS}) AS g),
  made AS MATERIALIZED (
    SELECT i, groups.id AS group_id, gen_random_uuid() AS id, decode(md5('salt' || i), 'hex') AS salt, convert_to(
      '{"device":"bench-gw","end":"2019-01-01T00:15:00Z","export_kwh":0.000,"generation_kwh":0.000,"import_kwh":0.125,"meter":"seeded-'
        || i || '","seq":' || i || ',"site":"bench-site","start":"2019-01-01T00:00:00Z","v":"reading/1"}', 'UTF8') AS bytes
    FROM generate_series($1::int8, $2::int8) AS i JOIN groups ON groups.g = i / ${GROUP_ROWS}),
  hashed AS MATERIALIZED (SELECT *, sha256('LOG::'::bytea || bytes) AS log_hash FROM made),
  receipts AS (
    INSERT INTO receipt_group (id, leaves, root, signature, key_id, committed_at_ms, include_by_ms, durability)
    OVERRIDING SYSTEM VALUE
    SELECT group_id, string_agg(sha256(log_hash), ''::bytea ORDER BY i), sha256(''), decode(repeat('00', 64), 'hex'), $4,
      $3::int8, $3::int8, 'fsync'
    FROM hashed GROUP BY group_id),
  entries AS (
    INSERT INTO entry (id, account_id, source, type, format, assurance, received_at_ms, meter_id, starts_ms, ends_ms)
    SELECT id, 'default', 'external', 'reading', 'reading/1', 'device-signature', $3::int8, 'seeded-' || i, 0, 900000 FROM hashed),
  bodies AS (
    INSERT INTO entry_body (entry_id, bytes, salt, log_hash) SELECT id, bytes, salt, log_hash FROM hashed),
  verdicts AS (
    INSERT INTO verdict (entry_id, group_id, receipt_index, verdict, assurance, rule_set)
    SELECT id, group_id, i % ${GROUP_ROWS}, 'accepted', 'device-signature', 'seed' FROM hashed)
  INSERT INTO log_unsealed (group_id, source, profile, count, entry_ids, leaves, received_at_ms)
  SELECT group_id, 'external', 'rfc9162', count(*), string_agg(uuid_send(id), ''::bytea ORDER BY i),
    string_agg(sha256('\\x00'::bytea || salt || log_hash), ''::bytea ORDER BY i), $3::int8
  FROM hashed GROUP BY group_id, i % ${GROUP_ROWS} / ${RUN_ROWS} ORDER BY min(i)`;

/** Adds `count` entries that wait to be sealed; `from` keeps them apart from those of an earlier call. */
export async function seedEntries({ sql, receiptKey }, count, from = 0) {
  for (let done = 0; done < count; done += ROWS_PER_STATEMENT) {
    const last = Math.min(count, done + ROWS_PER_STATEMENT) - 1;
    await sql.query(ENTRIES, [from + done, from + last, Date.now(), receiptKey]);
  }
  // As autovacuum would have, had they come in over hours.
  await sql.query('ANALYZE');
  await sql.query('CHECKPOINT');
}
