import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type GatewayProcess, startGatewayProcess } from '@wattproof/core/testing';

const GATEWAY = resolve(import.meta.dirname, '../../dist/main.js');
const OPERATOR = resolve(import.meta.dirname, '../../dist/gateway.js');
const WATTPROOF = resolve(import.meta.dirname, '../../../../packages/core/bin/wattproof.js');
const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
/** The demo as it is at night; by day the same, only faster. */
const PACE = nightly
  ? {}
  : { WATTPROOF__SIMULATOR__INTERVALMS: '1000', WATTPROOF__BATCHING__MAXAGEMS: '1000' };
const MUTATIONS = nightly ? 200 : 40;

let folder: string;
let gateway: GatewayProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wattproof-demo-'));
});

afterEach(async () => {
  await gateway?.end('SIGKILL');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function startDemo(): Promise<GatewayProcess> {
  gateway = await startGatewayProcess({ entry: GATEWAY, cwd: folder, env: demoEnvironment() });
  return gateway;
}

function demoEnvironment(): Record<string, string> {
  return { WATTPROOF_CONFIG: '', WATTPROOF_ADMIN_KEY: '', PORT: '0', ...PACE };
}

/** What a built command printed, and how it ended. */
function run(
  file: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [file, ...args],
      { cwd: folder, env: { ...process.env, NODE_OPTIONS: '', ...demoEnvironment() } },
      (error, stdout, stderr) => {
        done({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
      },
    );
  });
}

const verify = (file: string) => run(WATTPROOF, ['verify', file]);

async function adminKey(): Promise<string> {
  return (await readFile(join(folder, '.wattproof/demo-admin-key'), 'utf8')).trim();
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${gateway?.url}${path}`, {
    headers: { 'x-api-key': await adminKey() },
  });
  return (await response.json()) as T;
}

/** Asks again until there is an answer. */
async function eventually<T>(ask: () => Promise<T | undefined>, withinMs = 60_000): Promise<T> {
  const endsAt = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > endsAt)
      throw new Error(`Nothing within ${withinMs} ms.\n${gateway?.output()}`);
    await new Promise((again) => {
      setTimeout(again, 100);
    });
  }
}

interface Batch {
  readonly id: string;
  readonly log_ids: readonly string[];
}

interface Bundle {
  readonly evidence: readonly unknown[];
  readonly [field: string]: unknown;
}

async function sealedBatches(): Promise<readonly string[]> {
  return (await get<Batch[]>('/api/v1/batches?limit=20')).map(({ id }) => id);
}

/** Waits for the first reading that this gateway took since it started. */
async function acceptedReadings({ url }: GatewayProcess): Promise<void> {
  await eventually(async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return /readings_total\{verdict="accepted"\} [1-9]/.test(metrics) ? true : undefined;
  });
}

/** The proof file of a reading of the newest batch that is on the ledger and not one of `known`. */
function anchoredProof(known: readonly string[] = []): Promise<{ text: string; batch: string }> {
  return eventually(async () => {
    const batches = await get<Batch[]>('/api/v1/batches?limit=5');
    for (const { id, log_ids } of batches) {
      if (known.includes(id)) continue;
      const response = await fetch(
        `${gateway?.url}/api/v1/logs/${log_ids[0]}/proof?format=bundle`,
        {
          headers: { 'x-api-key': await adminKey() },
        },
      );
      const text = await response.text();
      if (((JSON.parse(text) as Bundle).evidence ?? []).length > 0) return { text, batch: id };
    }
    return undefined;
  });
}

/** Character positions inside values: the middle of every top-level field, and others spread over the file. */
function positionsOfMeaning(text: string): readonly number[] {
  const positions = new Set<number>();
  for (const [name, value] of Object.entries(JSON.parse(text) as Bundle)) {
    const written = JSON.stringify(value);
    const at = text.indexOf(`${JSON.stringify(name)}:${written}`);
    expect(at).toBeGreaterThan(0);
    positions.add(meaningfulNear(text, at + name.length + 3 + Math.floor(written.length / 2)));
  }
  for (let i = 0; positions.size < MUTATIONS; i += 1) {
    positions.add(
      meaningfulNear(text, Math.floor((text.length * ((i * 0.618_034) % 1)) % text.length)),
    );
  }
  return [...positions];
}

/** The next letter or digit that is no escape. */
function meaningfulNear(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (/[A-Za-z0-9]/.test(text[at] as string) && text[at - 1] !== '\\') return at;
  }
  return meaningfulNear(text, 1);
}

function mutated(text: string, at: number): string {
  const before = text[at] as string;
  // Another letter of the same kind: what is refused is refused for what it says, not for how it is written.
  const after = /[0-9]/.test(before)
    ? String((Number(before) + 1) % 10)
    : before.toLowerCase() === 'a'
      ? 'b'
      : 'a';
  return text.slice(0, at) + after + text.slice(at + 1);
}

describe('the demo, as an operator and an auditor meet it', () => {
  let bundle: string;
  let firstBatch: string;

  it('gives a proof of an anchored reading that the command accepts with the gateway stopped', async () => {
    const demo = await startDemo();
    expect(demo.output()).toContain('simulated meters');
    expect((await stat(join(folder, '.wattproof/demo-admin-key'))).mode & 0o777).toBe(0o600);
    expect(demo.output()).not.toContain(await adminKey());
    const { text, batch } = await anchoredProof();
    bundle = text;
    firstBatch = batch;
    expect(await demo.end('SIGTERM')).toBe(0);
    await writeFile(join(folder, 'proof.json'), bundle);
    const { code, output } = await verify('proof.json');
    expect(output).toContain('valid');
    expect(output).toContain('[device_signature]');
    expect(code).toBe(0);
  }, 180_000);

  it(`whose change at any of ${MUTATIONS} places, one in each field at least, is refused`, async () => {
    const accepted: string[] = [];
    const places = positionsOfMeaning(bundle);
    expect(places.length).toBeGreaterThanOrEqual(MUTATIONS);
    const queue = [...places];
    const worker = async (name: string): Promise<void> => {
      for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
        await writeFile(join(folder, name), mutated(bundle, at));
        const { code, output } = await verify(name);
        if (code !== 1 && code !== 2) {
          accepted.push(`${code} at ${at}: …${bundle.slice(at - 40, at + 20)}… ${output}`);
        }
      }
    };
    await Promise.all(['a.json', 'b.json', 'c.json'].map(worker));
    expect(accepted).toEqual([]);
  }, 180_000);

  it('goes on with the same log and the same meters when it is started again', async () => {
    const demo = await startDemo();
    const before = await sealedBatches();
    expect(before).toContain(firstBatch);
    await anchoredProof(before);
    await acceptedReadings(demo);
    const metrics = await (await fetch(`${demo.url}/metrics`)).text();
    expect(metrics).not.toMatch(
      /wattproof_readings_total\{verdict="(rejected|quarantined)"\} [1-9]/,
    );
    expect(await demo.end('SIGTERM')).toBe(0);
    expect(await run(OPERATOR, ['recover'])).toMatchObject({
      code: 0,
      output: expect.stringContaining('consistent'),
    });
  }, 180_000);

  it('never signs again what was signed when its database is replaced by an older copy', async () => {
    const database = join(folder, '.wattproof/db');
    await cp(database, join(folder, 'older'), { recursive: true });
    const first = await startDemo();
    const { batch } = await anchoredProof(await sealedBatches());
    expect(await first.end('SIGTERM')).toBe(0);
    const mark = await readFile(join(folder, '.wattproof/log.key.mark'), 'utf8');
    await rm(database, { recursive: true });
    await cp(join(folder, 'older'), database, { recursive: true });

    const restored = await startDemo();
    await acceptedReadings(restored);
    const flushed = await fetch(`${restored.url}/api/v1/batches/flush`, {
      method: 'POST',
      headers: { 'x-api-key': await adminKey() },
    });
    expect(flushed.status).toBe(503);
    expect(await flushed.json()).toMatchObject({ code: 'log_rolled_back' });
    const health = await get<{ parts: Record<string, { ready: boolean }> }>('/health');
    expect(health.parts['sealing']).toMatchObject({ ready: false });
    expect(await sealedBatches()).not.toContain(batch);
    expect(await restored.end('SIGTERM')).toBe(0);
    expect(await readFile(join(folder, '.wattproof/log.key.mark'), 'utf8')).toBe(mark);

    const told = await run(OPERATOR, ['recover', '--adopt-new-origin', 'demo.example/log-2']);
    expect(told.code).toBe(1);
    expect(told.output).toContain('log_rolled_back');
    expect(told.output).toContain('origin: demo.example/log-2');
  }, 180_000);
});
