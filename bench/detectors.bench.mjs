/**
 * What detectors cost. First alone: microseconds of one core for a reading of three registers with five weeks of quarter hours
 * behind it, after the commit and before it. Then ingestion over HTTP on PostgreSQL with fsync, signed arrays of 100, with
 * the detectors of core beside the same gateway without any: what counts is the ratio. Options: --quick, --alone.
 */
import { defaultDetectors } from '@wattproof/core/detectors';
import { createFleet } from '@wattproof/core/simulator';
import { Detection } from '../packages/core/dist/detectors/detection.js';
import { DetectionConfig } from '../packages/core/dist/detectors/detection.config.js';
import { Inspector } from '../packages/core/dist/detectors/inspection.js';
import { preCommitInspection } from '../packages/core/dist/detectors/pre-commit.js';
import { closedLoop, request } from './http-load.mjs';
import { quantile, round } from './measure.mjs';
import { FORMS, ReadingSource } from './reading-messages.mjs';
import { startSystem } from './system-under-load.mjs';

const QUARTER_MS = 900_000;
const HISTORY = 35 * 96;
const METERS = 20;
const quick = process.argv.includes('--quick');
const READINGS = quick ? 2_000 : 20_000;
const ROUNDS = quick ? 3 : 7;
const PER_ROUND = quick ? 6_000 : 20_000;
const CONNECTIONS = 30;

export const name = 'detectors: alone, and beside ingestion';

export async function run() {
  const rows = await alone();
  if (!process.argv.includes('--alone')) rows.push(...(await besideIngestion()));
  return rows;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const place = { latitude: 47.7, longitude: 9.2 };

async function alone() {
  const startMs = Date.parse('2026-05-01T00:00:00Z');
  const fleet = createFleet({ seed: 7, size: METERS * 2, towns: [place.latitude] }).filter(
    ({ meter }) => meter.pvPeakW > 0,
  );
  const told = (i, m) =>
    fleet[m].meter.interval(startMs + i * QUARTER_MS, startMs + (i + 1) * QUARTER_MS);
  const readingOf = (i, m) => {
    const { startsMs, endsMs, importWh, exportWh, generationWh } = told(i, m);
    const energies = Object.entries({
      import: importWh,
      export: exportWh,
      generation: generationWh,
    });
    return {
      entryId: `${m}/${i}`,
      accountId: 'bench',
      logHash: new Uint8Array(32).fill(m),
      meterId: String(m),
      fingerprint: new Uint8Array(32).fill(m),
      startsMs,
      endsMs,
      energies: energies.map(([register, wh]) => ({
        register,
        energyUWh: BigInt(wh) * 1_000_000n,
      })),
      estimated: false,
      verdict: 'accepted',
      assurance: 'device-signature',
    };
  };
  const meterOf = (meterId) => ({ meterId, ratingW: 10_000, location: place });
  const detectors = await defaultDetectors();
  let current = new Map();
  let found = 0;
  const detection = new Detection({
    store: {
      readings: async (ids) => ids.map((id) => current.get(id)),
      history: async (windows) => windows.map(() => []),
      keep: async (findings) => void (found += findings.length),
    },
    detectors,
    inspector: new Inspector(silent),
    journal: { entries: () => ({ rows: [] }) },
    rules: '',
    clock: { nowMs: () => 0 },
    config: DetectionConfig.parse({}),
    minAssurance: 'device-signature',
    metersOf: async () => meterOf,
    staleAfterMs: Infinity,
  });
  const batch = async (i) => {
    current = new Map(fleet.map((_, m) => [`${m}/${i}`, readingOf(i, m)]));
    const events = [...current.keys()].map((entryId) => ({ entryId, replacesAnother: false }));
    const began = process.cpuUsage();
    await detection.inspect(events);
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  for (let i = 0; i < HISTORY; i += 1) await batch(i);
  found = 0;
  let micros = 0;
  const steps = READINGS / fleet.length;
  for (let i = HISTORY; i < HISTORY + steps; i += 1) micros += await batch(i);
  const { inspect } = preCommitInspection(detectors, new Inspector(silent));
  const readings = [...current.values()].map((reading) => ({
    format: 'reading/1',
    reading,
    meter: meterOf(reading.meterId),
    nowMs: 0,
  }));
  const began = process.cpuUsage();
  for (let i = 0; i < READINGS / readings.length; i += 1) for (const one of readings) inspect(one);
  const before = process.cpuUsage(began);
  return [
    {
      what: 'after the commit, store not counted',
      cpuMicrosPerReading: round(micros / READINGS, 1),
      findingsPerReading: round(found / READINGS, 3),
    },
    {
      what: 'before the commit',
      cpuMicrosPerReading: round((before.user + before.system) / READINGS, 2),
    },
  ];
}

/** Of the gateway's process, with whatever it did of its detectors' work meanwhile. */
const cpu = ({ cpuSeconds }) => round((cpuSeconds * 1e6) / (ROUNDS * PER_ROUND), 1);

async function besideIngestion() {
  const systems = [];
  try {
    for (const detectors of [undefined, {}]) {
      const system = await startSystem({ meters: 200, ...(detectors && { detectors }) });
      systems.push({ system, source: new ReadingSource(system.fleet), rates: [], cpuSeconds: 0 });
    }
    const form = FORMS['array of 100'];
    const load = async ({ system, source }) => {
      const messages = form(source, PER_ROUND, true);
      const requests = messages.map((message) =>
        request(system.url, { path: '/api/v1/readings', ...message }),
      );
      const began = performance.now();
      await closedLoop(system.url, requests, { connections: CONNECTIONS });
      return (PER_ROUND / (performance.now() - began)) * 1000;
    };
    for (const one of systems) await load(one);
    for (const one of systems) one.cpuSeconds -= await one.system.cpuSeconds();
    for (let i = 0; i < ROUNDS; i += 1) for (const one of systems) one.rates.push(await load(one));
    for (const one of systems) one.cpuSeconds += await one.system.cpuSeconds();
    const [withThem, without] = systems;
    const ratios = withThem.rates.map((rate, i) => rate / without.rates[i]);
    const [{ behind, flagged }] = await withThem.system.sql.query(
      `SELECT (SELECT count(*) FROM verdict WHERE verdict = 'flagged') AS flagged,
         (SELECT count(*) FROM entry WHERE type = 'reading') AS behind`,
    );
    return [
      {
        what: 'ingestion, signed arrays of 100, with detectors : without',
        readingsPerSecond: round(quantile(withThem.rates, 0.5)),
        without: round(quantile(without.rates, 0.5)),
        ratio: round(quantile(ratios, 0.5), 2),
        ratios: ratios.map((ratio) => round(ratio, 2)).join(' '),
        target: 0.7,
        cpuMicrosPerReading: cpu(withThem),
        cpuWithout: cpu(without),
        readings: Number(behind),
        flagged: Number(flagged),
      },
    ];
  } finally {
    for (const { system } of systems) await system.stop();
  }
}
