import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse as parseYaml } from 'yaml';
import { IMPORT_PRESETS } from '../imports/presets.js';

export const IMPORT_USAGE = `usage: wattproof import FILE --map MAP [options]
  Sends a CSV or NDJSON file of readings to a gateway, part by part; called again it goes on where it stopped.
  --map MAP        ${Object.keys(IMPORT_PRESETS).join(', ')}, or a YAML or JSON file with a mapping
  --url URL        gateway to send to (default http://127.0.0.1:3000)
  --meter ID       with a preset: id of the meter, or what stands before the ids of the file
  --site ID        with a preset: id of the site
  --zone ZONE      with a preset: time zone of times that state none
  --attempt N      imports a file once more that was done before (default 1), such as one whose meters were not registered yet
  --dry-run        reads and checks every row and stores nothing
  --refused N      prints up to N refused rows (default 20)
  --key KEY        API key with the scope backfill (default: WATTPROOF_API_KEY)
  --json           prints the import instead
exit 0 every row imported, 1 some refused or the gateway not usable, 2 not usable as called`;

/** Bytes of one part: below the largest body a gateway takes. */
const PART_BYTES = 512 * 1024;
const MAX_TRIES = 60;
/** Longest pause before the next try. */
const MAX_PAUSE_S = 60;
/** Longest mapping file. */
const MAX_MAP_BYTES = 1_048_576;

/** What the command needs from the machine. */
export interface ImportHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(line: string): void;
  err(line: string): void;
  /** Replaces the line written last; absent when the output is no terminal. */
  readonly update?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Another sender of the same file came further. */
const OVERTAKEN = ['import_position', 'import_finished'];

class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Progress {
  readonly id: string;
  readonly state: 'open' | 'done';
  readonly next_byte: number;
  readonly rows: number;
  readonly readings: number;
  readonly missing_values: number;
  readonly refused: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

/** Runs `wattproof import` with the arguments after the word and says the exit code. Never throws. */
export async function runImport(args: readonly string[], host: ImportHost): Promise<number> {
  let asked: Awaited<ReturnType<typeof readArguments>>;
  try {
    asked = await readArguments(args, host.env);
  } catch (error) {
    host.err((error as Error).message);
    host.err(IMPORT_USAGE);
    return 2;
  }
  try {
    const done = await send(asked, host);
    if (asked.json) host.out(JSON.stringify(done, undefined, 2));
    else await report(done, asked, host);
    return done.refused === 0 ? 0 : 1;
  } catch (error) {
    host.err((error as Error).message);
    return 1;
  }
}

async function send(
  asked: Awaited<ReturnType<typeof readArguments>>,
  host: ImportHost,
): Promise<Progress> {
  const { file, sizeBytes, contentType } = asked;
  let { changedAtMs } = asked;
  const sha256 = await sha256Of(file, sizeBytes);
  // Begins it, or says how far it is.
  const begin = (): Promise<Progress> =>
    call(asked, host, 'POST', '/api/v1/imports', {
      contentType: 'application/json',
      body: JSON.stringify({
        name: basename(file),
        sha256,
        size_bytes: sizeBytes,
        dry_run: asked.dryRun,
        attempt: asked.attempt,
        ...asked.how,
      }),
    });
  let at = await begin();
  const handle = await open(file);
  try {
    while (at.state === 'open') {
      // What was hashed is what names the import: a file may grow meanwhile, and not become another.
      const { mtimeMs } = await handle.stat();
      if (mtimeMs !== changedAtMs && (await sha256Of(file, sizeBytes)) !== sha256)
        throw new Error(`${file} was changed while it was read; import it again`);
      changedAtMs = mtimeMs;
      const buffer = new Uint8Array(Math.min(PART_BYTES, sizeBytes - at.next_byte));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at.next_byte);
      if (bytesRead < buffer.length) throw new Error(`${file} became shorter while it was read`);
      const last = at.next_byte + bytesRead === sizeBytes;
      const before = at;
      at = await call<Progress>(
        asked,
        host,
        'POST',
        `/api/v1/imports/${at.id}/rows?from_byte=${at.next_byte}&last=${last}`,
        { contentType, body: buffer },
      ).catch(async (error: unknown) => {
        if (!(error instanceof GatewayRefusal) || !OVERTAKEN.includes(error.code)) throw error;
        // Somebody else sends the same file: from where they are, there are two of us.
        const now = await begin();
        if (now.state === 'open' && now.next_byte <= before.next_byte) throw error;
        return now;
      });
      const percent = Math.floor((100 * at.next_byte) / sizeBytes);
      host.update?.(
        `${percent} %, ${at.rows} rows, ${at.readings} readings, ${at.refused} refused`,
      );
    }
  } finally {
    await handle.close();
    host.update?.('');
  }
  return at;
}

async function report(
  done: Progress,
  asked: Awaited<ReturnType<typeof readArguments>>,
  host: ImportHost,
): Promise<void> {
  const verdicts = Object.entries(done.verdicts).map(([verdict, count]) => `${count} ${verdict}`);
  host.out(
    `${asked.dryRun ? 'dry run: ' : ''}${done.rows} rows, ${done.readings} readings, ${done.missing_values} values missing, ${done.refused} refused${verdicts.length === 0 ? '' : ` (${verdicts.join(', ')})`}`,
  );
  if (done.refused === 0 || asked.refusedShown === 0) return;
  const rows: readonly { row: number; code: string; detail: string }[] = await call(
    asked,
    host,
    'GET',
    `/api/v1/imports/${done.id}/refused?limit=${asked.refusedShown}`,
  );
  for (const { row, code, detail } of rows) host.out(`row ${row}: ${code}: ${detail}`);
  if (done.refused > rows.length) host.out(`… ${done.refused - rows.length} more`);
}

async function call<T>(
  { url, key }: { readonly url: string; readonly key: string | undefined },
  host: ImportHost,
  method: string,
  path: string,
  content?: { readonly contentType: string; readonly body: string | Uint8Array<ArrayBuffer> },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${url}${path}`, {
      method,
      // The key is for this gateway and nobody else.
      redirect: 'manual',
      headers: {
        ...(key === undefined ? {} : { 'x-api-key': key }),
        ...(content === undefined ? {} : { 'content-type': content.contentType }),
      },
      ...(content === undefined ? {} : { body: content.body }),
      ...(host.signal === undefined ? {} : { signal: host.signal }),
    }).catch((cause: unknown) => {
      throw new Error(`${url} gave no answer: ${reasonOf(cause)}; what was taken is kept`, {
        cause,
      });
    });
    const text = await response.text();
    if (response.ok) return readAnswer(text, url) as T;
    const retryAfterS = Number(response.headers.get('retry-after')) || 1;
    if ([429, 503].includes(response.status) && tries < MAX_TRIES) {
      await wait(
        Math.min(MAX_PAUSE_S, Math.max(1, retryAfterS)) * 1000,
        undefined,
        host.signal && { signal: host.signal },
      );
      continue;
    }
    const { code = '', detail = '' } = problemIn(text);
    const problem = [code, detail].filter(Boolean).join(': ');
    throw new GatewayRefusal(
      code,
      `the gateway answered ${response.status}${problem === '' ? '' : `: ${problem}`}`,
    );
  }
}

/** Rows of a report, or an import; whatever else answers at this address is no gateway. */
function readAnswer(text: string, url: string): unknown {
  try {
    const answer = JSON.parse(text) as { readonly next_byte?: unknown } | readonly unknown[] | null;
    if (Array.isArray(answer) || typeof (answer as Progress | null)?.next_byte === 'number')
      return answer;
  } catch {
    // Told below.
  }
  throw new Error(`${url} answered with something else than an import; is it a gateway?`);
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { code, message: why } = (cause ?? {}) as {
    readonly code?: string;
    readonly message?: string;
  };
  return why || code || message;
}

function problemIn(text: string): { readonly code?: string; readonly detail?: string } {
  try {
    return (JSON.parse(text) as { code?: string; detail?: string } | null) ?? {};
  } catch {
    return {};
  }
}

async function sha256Of(file: string, sizeBytes: number): Promise<string> {
  const digest = createHash('sha256');
  for await (const part of createReadStream(file, { end: sizeBytes - 1 }))
    digest.update(part as Uint8Array);
  return digest.digest('hex');
}

const VALUED = ['map', 'url', 'meter', 'site', 'zone', 'refused', 'key', 'attempt'];

async function readArguments(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
) {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const files: string[] = [];
  for (let i = 0; i < args.length; i += 1) {
    const text = args[i] as string;
    if (!text.startsWith('--')) {
      files.push(text);
      continue;
    }
    const [, name = '', inline] = /^--([a-z-]+)(?:=(.*))?$/.exec(text) ?? [];
    if (name === 'dry-run' || name === 'json') {
      flags.add(name);
      continue;
    }
    if (!VALUED.includes(name)) throw new Error(`unknown option ${text}`);
    const value = inline ?? args[(i += 1)];
    if (value === undefined) throw new Error(`--${name} needs a value`);
    values.set(name, value);
  }
  const [file, more] = files;
  if (file === undefined || more !== undefined) throw new Error('one FILE is needed');
  const map = values.get('map');
  if (map === undefined) throw new Error('--map is needed');
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw new Error(`${file} is no file that can be read`);
  if (found.size === 0) throw new Error(`${file} is empty`);
  const refused = values.get('refused') ?? '20';
  if (!/^\d{1,4}$/.test(refused) || Number(refused) > 1000)
    throw new Error(`--refused is a whole number from 0 to 1000, got ${refused}`);
  const attempt = values.get('attempt') ?? '1';
  if (!/^[1-9]\d{0,5}$/.test(attempt))
    throw new Error(`--attempt is a whole number from 1 on, got ${attempt}`);
  const how = await howOf(map, values);
  const isNdjson = how.mapping === undefined ? false : how.mapping.format === 'ndjson';
  return {
    file,
    sizeBytes: found.size,
    changedAtMs: found.mtimeMs,
    attempt: Number(attempt),
    url: (values.get('url') ?? 'http://127.0.0.1:3000').replace(/\/+$/, ''),
    key: values.get('key') ?? env['WATTPROOF_API_KEY'],
    dryRun: flags.has('dry-run'),
    json: flags.has('json'),
    refusedShown: Number(refused),
    how,
    contentType: isNdjson ? 'application/x-ndjson' : 'text/csv',
  };
}

async function howOf(
  map: string,
  values: ReadonlyMap<string, string>,
): Promise<{ readonly preset?: string; readonly mapping?: { readonly format?: unknown } }> {
  const own = Object.fromEntries(
    ['meter', 'site', 'zone'].flatMap((name) =>
      values.has(name) ? [[name, values.get(name)!]] : [],
    ),
  );
  if (Object.hasOwn(IMPORT_PRESETS, map)) return { preset: map, ...own };
  if (!['.yaml', '.yml', '.json'].includes(extname(map)))
    throw new Error(
      `--map is one of ${Object.keys(IMPORT_PRESETS).join(', ')} or a .yaml or .json file, got ${map}`,
    );
  if (Object.keys(own).length > 0)
    throw new Error('--meter, --site and --zone go with a preset; a mapping names its own');
  const text = await readFile(map, 'utf8').catch(() => {
    throw new Error(`${map} cannot be read`);
  });
  if (Buffer.byteLength(text) > MAX_MAP_BYTES)
    throw new Error(`${map} is longer than ${MAX_MAP_BYTES} bytes`);
  const mapping: unknown = parseYaml(text);
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping))
    throw new Error(`${map} holds no mapping; see docs/import.md`);
  return { mapping };
}
