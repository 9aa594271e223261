/**
 * Durable ingestion over HTTP on PostgreSQL with fsync: readings per second and latency of every form of message, beside
 * the ceiling C of the same run (ceilings.mjs). PostgreSQL, the gateway and the load each have a process; documents are
 * `reading/1` with three registers. Needs Linux for CPU times. Options: --quick, --only=TEXT.
 */
import { loadavg } from 'node:os';
import { Ceilings, combined } from './ceilings.mjs';
import { closedLoop, request } from './http-load.mjs';
import { quantile, round } from './measure.mjs';
import { FORMS, ReadingSource } from './reading-messages.mjs';
import { startSystem } from './system-under-load.mjs';

const METERS = 200;
const MODES = [
  { form: 'single', signed: false, connections: 64 },
  { form: 'single', signed: true, connections: 64 },
  { form: 'array of 100', signed: false, connections: 20, target: 0.75 },
  { form: 'array of 100', signed: true, connections: 20, target: 0.75 },
  { form: 'NDJSON of 100', signed: false, connections: 20, target: 0.75 },
  { form: 'NDJSON of 100', signed: true, connections: 20, target: 0.75 },
  { form: 'signed batch of 100', signed: true, connections: 20, target: 0.9 },
];

export const name = 'durable ingestion over HTTP on PostgreSQL with fsync';

const option = (found) => process.argv.find((argument) => argument.startsWith(found));
const perMode = (form) => (option('--quick') ? 6_000 : form === 'single' ? 12_000 : 40_000);

export async function run() {
  const only = option('--only=')?.slice('--only='.length);
  const system = await startSystem({ meters: METERS });
  const ceilings = await Ceilings.open(system.database);
  try {
    const source = new ReadingSource(system.fleet);
    const rows = [];
    await warmUp(system, source);
    for (const mode of MODES)
      if (
        only === undefined ||
        `${mode.form} ${mode.signed ? 'signed' : 'unsigned'}`.startsWith(only)
      )
        rows.push(await measure(mode, { system, ceilings, source }));
    return rows;
  } catch (error) {
    console.error(system.output());
    throw error;
  } finally {
    await ceilings.close();
    await system.stop();
  }
}

async function warmUp({ url }, source) {
  for (const [form, signed] of [
    ['array of 100', true],
    ['single', false],
  ])
    await send(url, FORMS[form](source, 3_000, signed), 16);
}

function send(url, messages, connections) {
  const requests = messages.map((message) =>
    request(url, { path: '/api/v1/readings', ...message }),
  );
  return closedLoop(url, requests, { connections });
}

async function counts({ sql }) {
  const [row] = await sql.query(
    `SELECT (SELECT count(*) FROM verdict WHERE verdict = 'accepted') AS accepted, (SELECT count(*) FROM receipt_group) AS groups`,
  );
  return { accepted: Number(row.accepted), groups: Number(row.groups) };
}

async function measure({ form, signed, connections, target }, { system, ceilings, source }) {
  const readings = perMode(form);
  const messages = FORMS[form](source, readings, signed);
  const others = FORMS[form](source, Math.min(readings, 20_000), signed);
  const { rows, checks } = await ceilings.prepare(others);
  const H = await ceilings.emptyRequests(messages, connections);
  const V = ceilings.signatureChecks(checks, rows.length);
  const load = loadavg()[0];
  const before = await counts(system);
  const cpu = await system.cpuSeconds();
  const { seconds, requests, latenciesMs, shed } = await send(system.url, messages, connections);
  const cpuSeconds = (await system.cpuSeconds()) - cpu;
  const after = await counts(system);
  const sent = requests * messages[0].readings;
  const accepted = after.accepted - before.accepted;
  if (accepted !== sent)
    throw new Error(`${form}: ${sent} readings acknowledged, ${accepted} accepted`);
  const meanGroup = Math.round(accepted / (after.groups - before.groups));
  const I = await ceilings.inserts(rows, meanGroup);
  const C = combined(V, I, H);
  const rate = sent / seconds;
  return {
    form,
    signed,
    readingsPerSecond: Math.round(rate),
    p50Ms: round(quantile(latenciesMs, 0.5)),
    p99Ms: round(quantile(latenciesMs, 0.99)),
    connections,
    shed,
    meanGroupRows: meanGroup,
    gatewayCpuMicrosPerReading: round((cpuSeconds * 1e6) / sent, 1),
    V: V === undefined ? null : Math.round(V),
    I: Math.round(I),
    H: Math.round(H),
    C: Math.round(C),
    ratio: round(rate / C),
    target: target ?? null,
    signatures: signed ? system.backend : null,
    loadBefore: round(load),
  };
}
