import { ConfigError } from '../config/config-errors.js';
import { readConfig } from '../config/read-config.js';
import { withDemoAdminKey } from '../demo/admin-key.js';
import { type CommandContext, takeOption } from './command.js';
import { table } from './table.js';

const FILE = '--file';
const URL_OPTION = '--url';
/** Longer than the gateway itself waits for an operation. */
const ANSWER_WITHIN_MS = 60_000;
const ACTIONS = ['list', 'retry', 'bump', 'recheck'] as const;
type Action = (typeof ACTIONS)[number];

const HEAD = [
  'anchor',
  'state',
  'open',
  'final size',
  'paid',
  'per million',
  'left today',
  'runway',
];

/** States of a checkpoint that nothing is waited for in. */
const CLOSED: readonly string[] = ['final', 'superseded', 'failed'];

interface Shown {
  readonly anchor: string;
  readonly alerts: readonly {
    readonly code: string;
    readonly since: string;
    readonly detail: string;
  }[];
  readonly checkpoints: Readonly<Record<string, number>>;
  readonly final_size: number;
  readonly oldest_pending: { readonly since: string } | null;
  readonly unit: string | null;
  readonly paid: string;
  readonly paid_per_million_entries: string | null;
  readonly budget: { readonly left_today: string | null };
  readonly runway_anchors: number | null;
}

interface Done {
  readonly anchor: string;
  readonly looked_at: number;
  readonly changed: number;
  readonly open: readonly {
    readonly size: number;
    readonly state: string;
    readonly attempts: number;
    readonly reason: string | null;
  }[];
}

/**
 * `gateway anchors list | retry ID | bump ID | recheck [ID]`: asks the running gateway, so that nobody but it ever holds a
 * wallet or an embedded store. Exit 0 done, 1 refused or not reached, 2 not usable as called.
 */
export async function anchors(args: readonly string[], context: CommandContext): Promise<number> {
  const { rest, value: file } = takeOption(args, FILE);
  const { rest: words, value: url } = takeOption(rest, URL_OPTION);
  const [action = '', id, ...more] = words;
  const wrong = misuseOf(action, id, more, file, url);
  if (wrong !== undefined) {
    context.err(wrong);
    return 2;
  }
  try {
    const gateway = await running(file, url, context);
    if (action === 'list') {
      for (const line of listed(await ask<readonly Shown[]>(gateway, 'GET', '/anchors')))
        context.out(line);
      return 0;
    }
    const ids =
      id === undefined
        ? (await ask<readonly Shown[]>(gateway, 'GET', '/anchors')).map(({ anchor }) => anchor)
        : [id];
    for (const one of ids) {
      const path = `/admin/anchors/${encodeURIComponent(one)}/${action}`;
      for (const line of done(await ask<Done>(gateway, 'POST', path))) context.out(line);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof NotAnswered)) throw error;
    context.err(error.message);
    return 1;
  }
}

function misuseOf(
  action: string,
  id: string | undefined,
  more: readonly string[],
  file: string | undefined,
  url: string | undefined,
): string | undefined {
  if (!ACTIONS.includes(action as Action))
    return `gateway anchors takes one of ${ACTIONS.join(', ')}, got ${action || 'none'}`;
  if (file === '') return `${FILE} needs the configuration file`;
  if (url === '')
    return `${URL_OPTION} needs the address of the gateway, such as https://gateway.example.org`;
  if (action === 'list' && id !== undefined) return 'gateway anchors list takes no ID';
  if ((action === 'retry' || action === 'bump') && id === undefined)
    return `gateway anchors ${action} needs the ID of an anchor; see: gateway anchors list`;
  return more.length > 0
    ? `gateway anchors ${action} takes one ID, got ${more.length + 1}`
    : undefined;
}

interface Running {
  readonly url: string;
  readonly key: string | undefined;
}

/** Where the gateway of this configuration listens, and the key that opens its operator's routes. */
async function running(
  file: string | undefined,
  url: string | undefined,
  context: CommandContext,
): Promise<Running> {
  const { env, workingDirectory, configFile } = context;
  const key = env.WATTPROOF_API_KEY;
  if (url !== undefined && key !== undefined) return { url: url.replace(/\/+$/, ''), key };
  const path = configFile(file === undefined ? [] : [file]);
  const read = await readConfig({ env, workingDirectory, file: path });
  const { config } = await withDemoAdminKey(read.config, workingDirectory);
  const { host, port, tls } = config.http;
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };
  const name = everywhere[host] ?? (host.includes(':') ? `[${host}]` : host);
  return {
    url: (url ?? `${tls ? 'https' : 'http'}://${name}:${port}`).replace(/\/+$/, ''),
    key: key ?? config.accounts.adminApiKey,
  };
}

/** The gateway refused, or nobody answered. */
class NotAnswered extends Error {
  override readonly name = 'NotAnswered';
}

async function ask<T>({ url, key }: Running, method: string, path: string): Promise<T> {
  if (key === undefined)
    throw new NotAnswered(
      'api_key_required: set WATTPROOF_API_KEY to a key of an operator, or accounts.adminApiKey in the configuration.',
    );
  let answer: Response;
  try {
    answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { 'x-api-key': key },
      // It would take the key to somebody nobody named.
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch (cause) {
    const because = (cause as { readonly cause?: { readonly code?: string } }).cause?.code;
    throw new NotAnswered(
      `gateway_unreachable: nothing answers at ${url}${because ? ` (${because})` : ''}. Start the gateway, or say with ${URL_OPTION} where it listens.`,
      { cause },
    );
  }
  const body: unknown = await answer.text().then(readAnswer, () => undefined);
  if (answer.ok && isAnswer(body)) return body as T;
  const { code, detail } = (body ?? {}) as { readonly code?: string; readonly detail?: string };
  throw new NotAnswered(
    `${code ?? `http_${answer.status}`}: ${detail ?? `${url} is no Wattproof gateway`}`,
  );
}

/** Without what a terminal obeys: details are the words of a ledger's node, which is anybody's. */
function readAnswer(text: string): unknown {
  try {
    return JSON.parse(text, (_name, value: unknown) =>
      typeof value === 'string' ? value.replaceAll(/[\p{C}\u2028\u2029]/gu, '\ufffd') : value,
    );
  } catch {
    return undefined;
  }
}

/** Anchors, or what came of an operation. */
function isAnswer(body: unknown): boolean {
  return [body].flat().every((one) => typeof (one as Partial<Done> | null)?.anchor === 'string');
}

function listed(shown: readonly Shown[]): readonly string[] {
  if (shown.length === 0) return ['no anchors are configured'];
  const rows = shown.map((one) => {
    const unit = one.unit === null ? '' : ` ${one.unit}`;
    const amount = (text: string | null): string => (text === null ? '-' : `${text}${unit}`);
    const open = Object.entries(one.checkpoints).filter(([state]) => !CLOSED.includes(state));
    return [
      one.anchor,
      one.alerts.map(({ code }) => code).join(',') || 'well',
      String(open.reduce((sum, [, count]) => sum + count, 0)),
      String(one.final_size),
      amount(one.paid),
      amount(one.paid_per_million_entries),
      amount(one.budget.left_today),
      one.runway_anchors === null ? '-' : String(one.runway_anchors),
    ];
  });
  const alerts = shown.flatMap(({ anchor, alerts: held }) =>
    held.map(({ code, since, detail }) => `${anchor}: ${code} since ${since}: ${detail}`),
  );
  return [table(HEAD, rows), ...alerts];
}

function done({ anchor, looked_at: looked, changed, open }: Done): readonly string[] {
  return [
    `${anchor}: looked at ${looked}, changed ${changed}`,
    ...open.map(
      ({ size, state, attempts, reason }) =>
        `  checkpoint ${size}: ${state}, ${attempts} attempts${reason === null ? '' : `, ${reason}`}`,
    ),
  ];
}
