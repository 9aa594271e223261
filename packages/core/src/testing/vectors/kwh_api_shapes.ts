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
  readonly create_log_response: Body;
  readonly flush_response: Body;
  readonly list_batches: readonly Body[];
  readonly proof_response: Body;
  readonly export: { readonly batch: Body; readonly logs: readonly Body[] };
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

  const ids = new Map<unknown, string>();
  for (const log of [shapes.create_log_response, ...shapes.export.logs]) {
    const { body } = await ask('POST', '/logs', without(log, ADDED));
    yield compare(
      `log ${String(log['leaf_hash']).slice(0, 8)}`,
      { ...log, id: 'string', batch_id: null },
      () => ({
        ...pick(body, Object.keys(log)),
        id: typeof body['id'],
      }),
    );
    ids.set(log['leaf_hash'], String(body['id']));
  }
  const id = ids.get(shapes.create_log_response['leaf_hash']) ?? '';
  yield* refused('proof of a log in no batch', shapes.proof_unbatched, 'GET', `/logs/${id}/proof`);

  const { body: flushed } = await ask('POST', '/batches/flush');
  yield compare(
    'flush',
    { ...typesOf(shapes.flush_response), log_count: ids.size, anchor_status: 'pending' },
    () => ({
      ...typesOf(pick(flushed, Object.keys(shapes.flush_response))),
      log_count: flushed['log_count'],
      anchor_status: flushed['anchor_status'],
    }),
  );

  const { body: proof } = await ask('GET', `/logs/${id}/proof`);
  yield compare('proof', Object.keys(shapes.proof_response), () =>
    Object.keys(pick(proof, Object.keys(shapes.proof_response))),
  );
  yield compare('the proof leads to the root by that system’s rule', flushed['merkle_root'], () =>
    rootOf(proof),
  );

  const { body: exported } = await ask('GET', `/batches/${String(flushed['id'])}/export`);
  yield compare('export', sorted(shapes.export.logs), () =>
    sorted(exported['logs'] as readonly Body[], Object.keys(shapes.export.logs[0] ?? {})),
  );

  const { body: batches } = await ask('GET', '/batches');
  yield compare('list of batches', Object.keys(shapes.list_batches[0] ?? {}), () =>
    Object.keys(
      pick((batches as unknown as Body[])[0] ?? {}, Object.keys(shapes.list_batches[0] ?? {})),
    ),
  );

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
    const document = without({ ...shapes.create_log_response, meter_id: `flush-${meter}` }, ADDED);
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
