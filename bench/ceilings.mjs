// What the parts of durable ingestion could do alone, with the very messages a gateway is given, in readings per second:
// V signature checks, I inserts of the same rows, H empty HTTP requests of the same bodies. C = 1 / (1/V + 1/I + 1/H).
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { openStore } from '@wattproof/core/mikro-orm';
import { silentLogger } from '@wattproof/core/testing';
import { readDocument } from '@wattproof/core/verify';
import { DevicesConfig } from '../packages/core/dist/devices/devices.config.js';
import { loadEd25519Backend } from '../packages/core/dist/devices/ed25519-backend.js';
import { MeterDirectory } from '../packages/core/dist/devices/meter-directory.js';
import { SignatureVerifier } from '../packages/core/dist/devices/signature-verifier.js';
import { IngestionConfig } from '../packages/core/dist/ingestion/ingestion.config.js';
import { nativeSha256 } from '../packages/core/dist/hashing/native-hashing.js';
import { nodeTimers } from '../packages/core/dist/ingestion/node-timers.js';
import { openIngestion } from '../packages/core/dist/ingestion/open-ingestion.js';
import { closedLoop, request } from './http-load.mjs';
import { ORIGIN } from './system-under-load.mjs';

const clock = { nowMs: () => Date.now() };
/** Groups written side by side, as the gateway does by default. */
const FLUSHERS = IngestionConfig.parse({}).commit.flushers;

export class Ceilings {
  static async open(database) {
    const store = await openStore(database, { logger: silentLogger, clock });
    return new Ceilings(store, new SignatureVerifier(await loadEd25519Backend()));
  }

  constructor(store, signatures) {
    this.store = store;
    this.signatures = signatures;
  }

  /** The rows and signature checks these messages come to in a gateway, taken where it would commit them. */
  async prepare(messages) {
    const rows = [];
    const checks = [];
    const devices = DevicesConfig.parse({
      unsigned: 'accept',
      unsignedRate: { perSecond: 1e7, burst: 1e7 },
    });
    const config = IngestionConfig.parse({ time: { maxAgeMs: 'none' } });
    const { service } = openIngestion({
      origin: ORIGIN,
      profile: 'rfc9162',
      config,
      devices,
      durability: 'fsync',
      directory: new MeterDirectory({
        store: this.store.meters,
        clock,
        maxStaleMs: 60_000,
        entries: 100_000,
      }),
      signatures: {
        verify(...check) {
          checks.push(check);
          return true;
        },
      },
      chains: this.store.chains,
      keys: this.store.keys,
      store: {
        async commit(group) {
          rows.push(...group);
          return group.map(({ id, verdict }) => ({ outcome: { kind: 'stored', id, verdict } }));
        },
      },
      receiptSigner: { name: `${ORIGIN}/receipts`, vkey: '', sign: async () => new Uint8Array(64) },
      readDocument,
      clock,
      timers: nodeTimers,
      random: (length) => randomBytes(length),
      sha256: nativeSha256,
    });
    for (const { contentType, body } of messages)
      await service.accept({ contentType, bytes: Buffer.from(body), assurance: 'unsigned' });
    return { rows, checks };
  }

  /** V; undefined when nothing is signed. */
  signatureChecks(checks, readings) {
    if (checks.length === 0) return undefined;
    const run = () => {
      for (const check of checks)
        if (!this.signatures.verify(...check)) throw new Error('a signature is not valid');
    };
    run();
    const started = performance.now();
    run();
    return (readings * 1000) / (performance.now() - started);
  }

  /** I, in groups of the size the gateway's own had; and the CPU time of this process per row. */
  async inserts(rows, groupRows) {
    const groups = [];
    for (let from = 0; from < rows.length; from += groupRows)
      groups.push(rows.slice(from, from + groupRows));
    const issue = (kept) => {
      const nowMs = clock.nowMs();
      return {
        committedAtMs: nowMs,
        includeByMs: nowMs,
        keyId: 'none',
        signature: new Uint8Array(64),
        root: new Uint8Array(32),
        leaves: kept.map(({ row }) => row.logHash),
      };
    };
    const cpu = process.cpuUsage();
    const started = performance.now();
    await Promise.all(
      Array.from({ length: FLUSHERS }, async () => {
        for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
          const committed = await this.store.ingest.commit(group, issue);
          const lost = committed.find(({ outcome }) => outcome.kind !== 'stored');
          if (lost !== undefined)
            throw new Error(`a row was not stored: ${JSON.stringify(lost.outcome)}`);
        }
      }),
    );
    const rate = (rows.length * 1000) / (performance.now() - started);
    const { user, system } = process.cpuUsage(cpu);
    return { rate, cpuMicros: (user + system) / rows.length };
  }

  /** H. */
  async emptyRequests(messages, connections) {
    const server = fork(join(import.meta.dirname, 'empty-server.mjs'));
    const [{ url }] = await once(server, 'message');
    const requests = messages.map((message) => request(url, { path: '/', ...message }));
    try {
      await closedLoop(url, requests.slice(0, 200), { connections });
      const repeated = Array.from(
        { length: Math.ceil(4000 / requests.length) },
        () => requests,
      ).flat();
      const { seconds, requests: sent } = await closedLoop(url, repeated, {
        connections,
        maxSeconds: 5,
      });
      return (sent * messages[0].readings) / seconds;
    } finally {
      server.disconnect();
      await once(server, 'exit');
    }
  }

  async close() {
    await this.store.close();
  }
}

/** Harmonic sum: as if the parts took turns. Absent parts cost nothing. */
export function combined(...rates) {
  return 1 / rates.filter((rate) => rate !== undefined).reduce((sum, rate) => sum + 1 / rate, 0);
}
