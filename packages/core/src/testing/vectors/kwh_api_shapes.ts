import { createHash } from 'node:crypto';
import { FakeClock } from '../fake-clock.js';
import { canonicalJson } from '../../verify/index.js';
import { startTestGateway, type TestGateway } from '../start-test-gateway.js';
import { compare as compareAsWritten, unknownGroups, type VectorResult } from './vector-case.js';

type Body = Record<string, unknown>;

interface Refusal {
  readonly status: number;
  readonly detail: string;
}

/** Answers of the kwh-btc-iot API: the shapes and texts its clients were written against. */
interface ShapesFile {
  readonly create_log_response?: Body;
  readonly flush_response?: Body;
  readonly list_batches?: readonly Body[];
  readonly proof_response?: Body;
  readonly export?: { readonly batch: Body; readonly logs: readonly Body[] };
  readonly flush_empty?: Refusal;
  readonly proof_unknown?: Refusal;
  readonly export_unknown?: Refusal;
  readonly proof_unbatched?: Refusal;
}

/** Later than any document; that system's clients send old ones. */
const LATER_MS = Date.UTC(2100, 0);

const GROUPS = [
  'create_log_response',
  'flush_response',
  'list_batches',
  'proof_response',
  'export',
  'flush_empty',
  'proof_unknown',
  'export_unknown',
  'proof_unbatched',
  // What that system does in an order, with a simulated ledger, and with two flushes in one second; the last is a fault of
  // its own, which the last case here is about.
  'gathered_ts',
  'simulate_anchor',
  'same_second_flush',
];

/** The document of a file that has none. */
const EXAMPLE: Body = {
  site_id: 'PLANT-01',
  iot_device_id: 'gw-1',
  meter_id: 'MTR-001',
  ts_start: '2025-12-01T10:10:00Z',
  ts_end: '2025-12-01T10:15:00Z',
  interval_s: 300,
  energy_kwh: 12.34,
  tx: { price_sats_per_kwh: 100, amount_sats: 1234 },
};

/** What the server adds to a document; differs from run to run. */
const ADDED = ['id', 'batch_id', 'leaf_hash'];

/** Runs the file against a gateway under the preset for that system's clients, over HTTP. */
export async function* run(file: unknown): AsyncGenerator<VectorResult> {
  const shapes = file as ShapesFile;
  const gateway = await startTestGateway({
    clock: new FakeClock(LATER_MS),
    config: {
      devices: { unsigned: 'accept' },
      batching: { profile: 'kwh-btc-iot' },
      ingestion: { time: { maxAgeMs: 'none' } },
      http: { open: ['logs', 'proofs', 'flush'] },
    },
  });
  try {
    yield* cases(gateway, shapes);
  } finally {
    await gateway.stop();
  }
  yield* unknownGroups(file, GROUPS);
}

async function* cases(gateway: TestGateway, shapes: ShapesFile): AsyncGenerator<VectorResult> {
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${gateway.url}/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': gateway.adminKey },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  async function* refused(
    name: string,
    expected: Refusal | undefined,
    method: string,
    path: string,
  ): AsyncGenerator<VectorResult> {
    if (expected === undefined) return;
    const { status, body } = await ask(method, path);
    yield compare(name, expected, () => ({ status, detail: body['detail'] }));
  }

  yield* refused('flush without logs', shapes.flush_empty, 'POST', '/batches/flush');
  yield* refused(
    'proof of an unknown log',
    shapes.proof_unknown,
    'GET',
    '/logs/log_000000000000/proof',
  );
  yield* refused(
    'export of an unknown batch',
    shapes.export_unknown,
    'GET',
    '/batches/batch_none/export',
  );

  const ids: string[] = [];
  const hashes = new Set<unknown>();
  const logs = [shapes.create_log_response ?? [], shapes.export?.logs ?? []].flat();
  for (const log of logs.length > 0 ? logs : [EXAMPLE]) {
    const { body } = await ask('POST', '/logs', without(log, ADDED));
    ids.push(String(body['id']));
    hashes.add(body['leaf_hash']);
    if (log === EXAMPLE) continue;
    yield compare(
      `log ${String(log['leaf_hash']).slice(0, 8)}`,
      { ...log, id: 'string', batch_id: null },
      () => ({
        ...pick(body, Object.keys(log)),
        id: typeof body['id'],
      }),
    );
  }
  const id = ids[0]!;
  yield* refused('proof of a log in no batch', shapes.proof_unbatched, 'GET', `/logs/${id}/proof`);

  const { body: flushed } = await ask('POST', '/batches/flush');
  const { flush_response: flush, proof_response: proved, list_batches: listed } = shapes;
  if (flush !== undefined)
    yield compare(
      'flush',
      { ...typesOf(flush), log_count: hashes.size, anchor_status: 'pending' },
      () => ({
        ...typesOf(pick(flushed, Object.keys(flush))),
        log_count: flushed['log_count'],
        anchor_status: flushed['anchor_status'],
      }),
    );

  const { body: proof } = await ask('GET', `/logs/${id}/proof`);
  if (proved !== undefined)
    yield compare('proof', Object.keys(proved), () =>
      Object.keys(pick(proof, Object.keys(proved))),
    );
  yield compare('the proof leads to the root by that system’s rule', flushed['merkle_root'], () =>
    rootOf(proof),
  );

  if (shapes.export !== undefined) {
    const expected = shapes.export.logs;
    const { body: exported } = await ask('GET', `/batches/${String(flushed['id'])}/export`);
    const wanted = new Set(expected.map((log) => log['leaf_hash']));
    yield compare('export', sorted(expected), () =>
      sorted(
        (exported['logs'] as readonly Body[]).filter((log) => wanted.has(log['leaf_hash'])),
        Object.keys(expected[0] ?? {}),
      ),
    );
  }

  if (listed !== undefined) {
    const { body: batches } = await ask('GET', '/batches');
    const members = Object.keys(listed[0] ?? {});
    yield compare('list of batches', members, () =>
      Object.keys(pick((batches as unknown as Body[])[0] ?? {}, members)),
    );
  }

  // What that system gets wrong: two flushes within one second must be two batches with sound proofs.
  const [first, second] = [await next(ask, 'a'), await next(ask, 'b')];
  yield compare(
    'two flushes in one second are two batches',
    true,
    () =>
      first.batch !== second.batch &&
      rootOf(first.proof) === first.root &&
      rootOf(second.proof) === second.root,
  );

  async function next(call: typeof ask, meter: string) {
    const document = without({ ...(logs[0] ?? EXAMPLE), meter_id: `flush-${meter}` }, ADDED);
    const { body: log } = await call('POST', '/logs', document);
    const { body: batch } = await call('POST', '/batches/flush');
    const { body } = await call('GET', `/logs/${String(log['id'])}/proof`);
    return { batch: batch['id'], root: batch['merkle_root'], proof: body };
  }
}

/** Compares JSON as JSON: the order of members means nothing. */
function compare(name: string, expected: unknown, compute: () => unknown): VectorResult {
  return compareAsWritten(name, canonicalJson(expected), () => canonicalJson(compute()));
}

/** The verifier of that system, in its own words: leaf to root, `position` is the side of the sibling. */
function rootOf(proof: Body): string {
  let hash = Buffer.from(String(proof['leaf_hash']), 'hex');
  for (const step of proof['proof'] as readonly { position: string; hash: string }[]) {
    const sibling = Buffer.from(step.hash, 'hex');
    const pair = step.position === 'left' ? [sibling, hash] : [hash, sibling];
    hash = createHash('sha256').update(Buffer.concat(pair)).digest();
  }
  return hash.toString('hex');
}

function without(body: Body, names: readonly string[]): Body {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

function pick(body: Body, names: readonly string[]): Body {
  return Object.fromEntries(names.filter((name) => name in body).map((name) => [name, body[name]]));
}

function typesOf(body: Body): Body {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, value === null ? null : typeof value]),
  );
}

/** Documents in an order of their own, without what differs from run to run. */
function sorted(logs: readonly Body[], names?: readonly string[]): readonly Body[] {
  return logs
    .map((log) => without(names === undefined ? log : pick(log, names), ['id', 'batch_id']))
    .toSorted((a, b) => String(a['leaf_hash']).localeCompare(String(b['leaf_hash'])));
}
