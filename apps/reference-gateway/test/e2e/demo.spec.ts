import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type GatewayProcess, startGatewayProcess } from '@wattproof/core/testing';
import {
  installedEcdsa,
  installedVerifiers,
} from '../../../../packages/core/src/cli/evidence-verifiers.js';
import { runVerify } from '../../../../packages/core/src/cli/verify-command.js';

const GATEWAY = resolve(import.meta.dirname, '../../dist/main.js');
const OPERATOR = resolve(import.meta.dirname, '../../dist/gateway.js');
const WATTPROOF = resolve(import.meta.dirname, '../../../../packages/core/bin/wattproof.js');
const nightly = process.env['WATTPROOF_NIGHTLY'] === '1';
/** The demo as it is at night; by day the same, only faster. */
const PACE = nightly
  ? {}
  : { WATTPROOF__SIMULATOR__INTERVALMS: '1000', WATTPROOF__BATCHING__MAXAGEMS: '1000' };
const MUTATIONS = nightly ? 1000 : 100;
/** Of these, so many are also given to the command as a process of its own, as an auditor runs it. */
const BY_THE_COMMAND = nightly ? 40 : 4;

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

/** What the command does after it was started, without starting it. */
async function verifyHere(
  text: string,
): Promise<{ readonly code: number; readonly output: string }> {
  const lines: string[] = [];
  const print = (line: string): unknown => lines.push(line);
  const code = await runVerify(['proof.json'], {
    read: async () => Buffer.from(text),
    verifiers: () => installedVerifiers(folder),
    ecdsa: () => installedEcdsa(),
    out: print,
    err: print,
  });
  return { code, output: lines.join('\n') };
}

const database = (): string => join(folder, '.wattproof/db');

async function adminKey(): Promise<string> {
  return (await readFile(join(folder, '.wattproof/demo-admin-key'), 'utf8')).trim();
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${gateway?.url}${path}`, {
    headers: { 'x-api-key': await adminKey() },
  });
  return (await response.json()) as T;
}

/** Asks again until there is an answer; hung, not slow, is what has none. */
async function eventually<T>(ask: () => Promise<T | undefined>, withinMs = 240_000): Promise<T> {
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
  readonly evidence: readonly { readonly type: string; readonly anchor: string }[];
  readonly log_keys: readonly string[];
  readonly receipt: { readonly path: object };
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

/**
 * Where a change only hides: in a piece of evidence's type, which then names something nobody can check (docs/formats/evidence.md), and
 * in the signature line of an announcement, which then is nobody's (docs/formats/checkpoint.md).
 */
function placesThatHide(text: string): (at: number) => boolean {
  const { evidence, log_keys } = JSON.parse(text) as Bundle;
  return within(text, [
    ...evidence.map(({ type }) => JSON.stringify({ type }).slice(1, -1)),
    ...log_keys.map((note) => JSON.stringify(note.slice(note.indexOf('\n\n'))).slice(1, -1)),
  ]);
}

/** What is bound by nothing, as docs/formats/proof-bundle.md says: the operator's own name for an anchor, and the size beside a receipt's path. */
function placesOfLabels(text: string): (at: number) => boolean {
  const { evidence, receipt } = JSON.parse(text) as Bundle;
  const path = JSON.stringify(receipt.path);
  const size = /"size":(\d+)/.exec(path);
  const sizeFrom = text.indexOf(path) + (size?.index ?? 0) + '"size":'.length;
  const sizeTo = sizeFrom + (size?.[1]?.length ?? 0);
  const names = within(
    text,
    evidence.map(({ anchor }) => JSON.stringify({ anchor }).slice(1, -1)),
  );
  const keys = within(text, ['"anchor"']);
  return (at) => (names(at) && !keys(at)) || (at >= sizeFrom && at < sizeTo);
}

function within(text: string, parts: readonly string[]): (at: number) => boolean {
  const ranges = parts.flatMap((part) => {
    const found: [number, number][] = [];
    for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1))
      found.push([at, at + part.length]);
    return found;
  });
  return (at) => ranges.some(([from, to]) => at >= from && at < to);
}

const notChecked = (output: string): number => output.split('not checked: ').length - 1;

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
  let secondBatch: string;

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
  }, 600_000);

  it(`whose change at any of ${MUTATIONS} places, one in each field at least, is refused, or hides what the report then misses`, async () => {
    const places = positionsOfMeaning(bundle);
    expect(places.length).toBeGreaterThanOrEqual(MUTATIONS);
    const before = notChecked((await verifyHere(bundle)).output);
    const hidden = placesThatHide(bundle);
    const accepted: string[] = [];
    const label = placesOfLabels(bundle);
    for (const at of places.filter((place) => !label(place))) {
      const { code, output } = await verifyHere(mutated(bundle, at));
      if (code === 1 || code === 2) continue;
      if (code === 0 && hidden(at) && notChecked(output) > before) continue;
      accepted.push(`${code} at ${at}: …${bundle.slice(at - 40, at + 20)}… ${output}`);
    }
    expect(accepted).toEqual([]);
  }, 600_000);

  it('and the command as a process of its own says the same of a changed file', async () => {
    const places = positionsOfMeaning(bundle);
    for (let i = 0; i < BY_THE_COMMAND; i += 1) {
      const changed = mutated(bundle, places[i * Math.floor(places.length / BY_THE_COMMAND)] ?? 0);
      await writeFile(join(folder, 'changed.json'), changed);
      const here = await verifyHere(changed);
      const { code, output } = await verify('changed.json');
      expect({ code, output: output.trimEnd() }).toEqual({
        code: here.code,
        output: here.output.replaceAll(/^proof\.json:/gm, 'changed.json:'),
      });
    }
  }, 600_000);

  it('goes on with the same log and the same meters when it is started again', async () => {
    await cp(database(), join(folder, 'older'), { recursive: true });
    const demo = await startDemo();
    const before = await sealedBatches();
    expect(before).toContain(firstBatch);
    secondBatch = (await anchoredProof(before)).batch;
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
  }, 600_000);

  it('never signs again what was signed when its database is replaced by an older copy', async () => {
    const mark = await readFile(join(folder, '.wattproof/log.key.mark'), 'utf8');
    await rm(database(), { recursive: true });
    await cp(join(folder, 'older'), database(), { recursive: true });

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
    expect(await sealedBatches()).not.toContain(secondBatch);
    expect(await restored.end('SIGTERM')).toBe(0);
    expect(await readFile(join(folder, '.wattproof/log.key.mark'), 'utf8')).toBe(mark);

    const told = await run(OPERATOR, ['recover', '--adopt-new-origin', 'demo.example/log-2']);
    expect(told.code).toBe(1);
    expect(told.output).toContain('log_rolled_back');
    expect(told.output).toContain('origin: demo.example/log-2');
  }, 600_000);
});
