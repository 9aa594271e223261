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
  { form: 'array of 100', signed: false, connections: 30, target: 0.75 },
  { form: 'array of 100', signed: true, connections: 30, target: 0.75 },
  { form: 'NDJSON of 100', signed: false, connections: 30, target: 0.75 },
  { form: 'NDJSON of 100', signed: true, connections: 30, target: 0.75 },
  { form: 'signed batch of 100', signed: true, connections: 30, target: 0.9 },
];

export const name = 'durable ingestion over HTTP on PostgreSQL with fsync';

const option = (found) => process.argv.find((argument) => argument.startsWith(found));
const ROUNDS = option('--quick') ? 1 : 3;
const perRound = (form) => (option('--quick') ? 6_000 : form === 'single' ? 4_000 : 10_000);

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
    `SELECT (SELECT count(*) FROM entry WHERE source = 'external') AS stored, (SELECT count(*) FROM receipt_group) AS groups`,
  );
  return { stored: Number(row.stored), groups: Number(row.groups) };
}

/**
 * Gateway and ceilings take turns for some rounds, and what counts is the median of the rounds' ratios: a machine that is
 * busy with something else is so for both.
 */
async function measure({ form, signed, connections, target }, { system, ceilings, source }) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const messages = FORMS[form](source, perRound(form), signed);
    const others = FORMS[form](source, perRound(form), signed);
    const { rows, checks } = await ceilings.prepare(others);
    const H = await ceilings.emptyRequests(messages, connections);
    const V = ceilings.signatureChecks(checks, rows.length);
    const gateway = await throughGateway(system, messages, connections);
    const { rate: I, cpuMicros } = await ceilings.inserts(rows, gateway.meanGroupRows);
    const C = combined(V, I, H);
    rounds.push({ ...gateway, V, I, H, C, ratio: gateway.rate / C, insertCpuMicros: cpuMicros });
  }
  const median = (value, digits = 0) => round(quantile(rounds.map(value), 0.5), digits);
  const latenciesMs = rounds.flatMap((one) => one.latenciesMs);
  return {
    form,
    signed,
    readingsPerSecond: median(({ rate }) => rate),
    p50Ms: round(quantile(latenciesMs, 0.5), 1),
    p99Ms: round(quantile(latenciesMs, 0.99), 1),
    V: signed ? median(({ V }) => V) : null,
    I: median(({ I }) => I),
    H: median(({ H }) => H),
    C: median(({ C }) => C),
    ratio: median(({ ratio }) => ratio, 2),
    target: target ?? null,
    ratios: rounds.map(({ ratio }) => round(ratio)).join(' '),
    signatures: signed ? system.backend : null,
    connections,
    shed: rounds.reduce((sum, { shed }) => sum + shed, 0),
    meanGroupRows: median(({ meanGroupRows }) => meanGroupRows),
    gatewayCpuMicros: median(({ cpuMicros }) => cpuMicros, 1),
    insertClientCpuMicros: median(({ insertCpuMicros }) => insertCpuMicros, 1),
    load: round(loadavg()[0], 1),
  };
}

async function throughGateway(system, messages, connections) {
  const before = await counts(system);
  const cpu = await system.cpuSeconds();
  const { seconds, requests, latenciesMs, shed } = await send(system.url, messages, connections);
  const cpuSeconds = (await system.cpuSeconds()) - cpu;
  const after = await counts(system);
  const sent = requests * messages[0].readings;
  // What detectors state are entries, too, of the gateway's own.
  const stored = after.stored - before.stored;
  if (stored !== sent) throw new Error(`${sent} readings were acknowledged and ${stored} stored`);
  return {
    rate: sent / seconds,
    latenciesMs,
    shed,
    meanGroupRows: Math.round(stored / (after.groups - before.groups)),
    cpuMicros: (cpuSeconds * 1e6) / sent,
  };
}
