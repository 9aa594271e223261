// PostgreSQL with fsync on and a gateway in a process of its own, the way an operator runs them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFleet, GatewayClient } from '@wattproof/core/simulator';
import { silentLogger, startGatewayProcess, startPostgres } from '@wattproof/core/testing';
import { PgSql } from '../packages/core/dist/stores/mikro-orm/pg.sql.js';

export const ADMIN_KEY = 'benchmark-administrator-key';
export const ORIGIN = 'bench.wattproof.local/log';
const REGISTRATIONS_AT_ONCE = 8;
const MAX_BATCH_ENTRIES = 1_048_576;

/** `meters`: how many are registered. `detectors`: as in the configuration; absent, those of core. `batching`: as in the configuration; absent, nothing is sealed unless a benchmark asks for it. `transports`: as in the configuration. WATTPROOF_BENCH_PROFILE=FOLDER leaves a CPU profile of the gateway there. */
export async function startSystem({
  meters,
  seed = 7,
  batching = { maxEntries: MAX_BATCH_ENTRIES, maxAgeMs: 86_400_000 },
  detectors,
  transports,
}) {
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-bench-'));
  const postgres = await startPostgres({ fsync: true });
  const database = await postgres.createDatabase();
  const sql = new PgSql(database, {
    logger: silentLogger,
    poolSize: 3,
    maxWaiting: 64,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 600_000,
  });
  const stop = async () => {
    await sql.close();
    await postgres.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const file = join(folder, 'bench.yaml');
    // Nobody is throttled.
    const config = {
      origin: ORIGIN,
      log: { key: { file: join(folder, 'log.key') } },
      store: { url: database },
      http: { port: 0 },
      accounts: { adminApiKey: ADMIN_KEY },
      devices: {
        unsigned: 'accept',
        registration: 'open',
        unsignedRate: { perSecond: 1e7, burst: 1e7 },
      },
      ingestion: { time: { maxAgeMs: 'none' } },
      batching,
      ...(detectors === undefined ? {} : { detectors }),
      ...(transports === undefined ? {} : { transports }),
      anchors: { local: { use: '@wattproof/core/local-ledger' } },
    };
    await writeFile(file, JSON.stringify(config));
    const profile = process.env.WATTPROOF_BENCH_PROFILE;
    const probeFile = join(folder, 'probe.json');
    const preload = `--import=${join(import.meta.dirname, 'process-probe.mjs')}`;
    const gateway = await startGatewayProcess({
      entry: join(import.meta.dirname, '../apps/reference-gateway/dist/main.js'),
      cwd: folder,
      env: {
        WATTPROOF_CONFIG: file,
        WATTPROOF_LOG_LEVEL: 'warn',
        WATTPROOF_BENCH_PROBE_FILE: probeFile,
        NODE_OPTIONS:
          profile === undefined ? preload : `${preload} --cpu-prof --cpu-prof-dir=${profile}`,
      },
    });
    const client = new GatewayClient(gateway.url, { apiKey: ADMIN_KEY });
    const fleet = createFleet({ seed, size: meters, prefix: 'bench' });
    for (let from = 0; from < fleet.length; from += REGISTRATIONS_AT_ONCE)
      await Promise.all(
        fleet
          .slice(from, from + REGISTRATIONS_AT_ONCE)
          .map((member) => client.register(member, ORIGIN)),
      );
    const keys = await (await fetch(`${gateway.url}/api/v1/log/keys`)).json();
    return {
      url: gateway.url,
      /** Verifier key of the receipts. */
      receiptKey: JSON.stringify(keys).match(/"([^"]*\/receipts\+[^"]*)"/)?.[1],
      database,
      sql,
      fleet,
      /** Name of the library that checks Ed25519 in the gateway. */
      backend: /signatures\s+checked by (\S+)/.exec(gateway.output())?.[1] ?? 'unknown',
      output: () => gateway.output(),
      /** Longest and 99th percentile delay of the gateway's event loop in ms since the last look. */
      eventLoopDelay: () => look(gateway.pid, probeFile, 'SIGUSR2'),
      /** What the gateway's heap and buffers hold in MiB; `collected`: after a full garbage collection. */
      async heldMiB({ collected = false } = {}) {
        const found = await look(gateway.pid, probeFile, collected ? 'SIGPWR' : 'SIGUSR2');
        return found.heapMiB + found.externalMiB;
      },
      cpuSeconds: () => cpuSeconds(gateway.pid),
      residentMiB: () => residentMiB(gateway.pid),
      async stop() {
        await gateway.end(profile === undefined ? 'SIGKILL' : 'SIGTERM');
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Has the probe in a process answer. */
async function look(pid, file, signal) {
  await rm(file, { force: true });
  process.kill(pid, signal);
  for (let tries = 0; tries < 600; tries += 1) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return JSON.parse(text);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the gateway did not say how it fares');
}

/** CPU time of a process so far; NaN where there is no /proc. */
async function cpuSeconds(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // proc(5): fields 14 and 15 are user and system time in ticks of 10 ms; two fields are cut off here.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function residentMiB(pid) {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1024;
}
