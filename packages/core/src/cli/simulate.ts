import { setTimeout as wait } from 'node:timers/promises';
import {
  GatewayClient,
  runSimulation,
  shareOf,
  type SimulationProgress,
} from '../simulator/index.js';

export const SIMULATE_USAGE = `usage: wattproof simulate --url URL [options]
  --url URL        gateway to send to, such as http://127.0.0.1:3000
  --meters N       simulated meters (default 8)
  --interval S     length of one reading in seconds (default 10)
  --count N        stop after this many readings per meter (default: until SIGINT or SIGTERM)
  --seed N         same seed, same meters and keys (default 2; the demo runs 1)
  --cheaters P%    share of the meters that cheat, every way in turn (default 0%)
  --key KEY        API key, where the gateway wants one to register meters (default: WATTPROOF_API_KEY)
exit 0 all readings taken, 1 some refused or the gateway not usable, 2 not usable as called`;

interface SimulateArguments {
  readonly url: string;
  readonly meters: number;
  readonly intervalMs: number;
  readonly count: number | undefined;
  readonly seed: number;
  readonly cheaters: number;
  readonly key: string | undefined;
}

/** What the command needs from the machine. */
export interface SimulateHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  out(line: string): void;
  err(line: string): void;
  /** Replaces the line written last; absent when the output is no terminal. */
  readonly update?: (line: string) => void;
}

/** Runs `wattproof simulate` with the arguments after the word and says the exit code. Never throws. */
export async function runSimulate(args: readonly string[], host: SimulateHost): Promise<number> {
  let asked: SimulateArguments;
  try {
    asked = readArguments(args, host.env);
  } catch (error) {
    host.err((error as Error).message);
    host.err(SIMULATE_USAGE);
    return 2;
  }
  const { url, meters, intervalMs, count, seed, cheaters, key } = asked;
  const { nowMs, signal } = host;
  let shown: string | undefined;
  // A terminal shows what is going on now; a log what has changed, and each reason to wait once.
  const show = host.update ?? ((line: string) => host.out(line));
  const waiting = (what: string): void =>
    host.update?.(shown === undefined ? what : `${shown}; ${what}`);
  let told: string | undefined;
  const retry = (why: string): void => {
    if (host.update !== undefined) waiting(why);
    else if (why !== told) host.out((told = why));
  };
  host.out(
    `${meters} meters, a reading every ${intervalMs / 1000} s, to ${url}${count === undefined ? '; stop with Ctrl-C' : ''}`,
  );
  try {
    const ended = await runSimulation({
      client: new GatewayClient(url, { signal, ...(key === undefined ? {} : { apiKey: key }) }),
      clock: { nowMs },
      seed,
      size: meters,
      cheaters,
      intervalMs,
      signal,
      ...(count === undefined ? {} : { intervals: count }),
      until: async (atMs) => {
        await wait(Math.max(0, atMs - nowMs()), undefined, { signal }).catch(() => undefined);
      },
      onWaiting: waiting,
      onRetry: retry,
      onProgress: (progress) => {
        told = undefined;
        show((shown = summary(progress)));
      },
    });
    if (host.update !== undefined) host.out('');
    host.out(`done: ${summary(ended)}`);
    return ended.refused === 0 ? 0 : 1;
  } catch (error) {
    if (host.update !== undefined) host.out('');
    if (signal.aborted) {
      host.out('stopped before the first reading');
      return 0;
    }
    const { message, cause } = error as Error;
    host.err(`${url}: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`);
    return 1;
  }
}

function summary({ sent, accepted, refused, lastRefusal }: SimulationProgress): string {
  const why = lastRefusal === undefined ? '' : ` (last: ${lastRefusal})`;
  return `${sent} readings sent, ${accepted} accepted, ${refused} refused${why}`;
}

function readArguments(args: readonly string[], env: SimulateHost['env']): SimulateArguments {
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i += 1) {
    const [, name = '', inline] = /^--([a-z]+)(?:=(.*))?$/.exec(args[i] as string) ?? [];
    if (!['url', 'meters', 'interval', 'count', 'seed', 'cheaters', 'key'].includes(name)) {
      throw new Error(`unknown option ${args[i]}`);
    }
    const value = inline ?? args[(i += 1)];
    if (value === undefined) throw new Error(`--${name} needs a value`);
    values.set(name, value);
  }
  const integer = (name: string, min: number, max: number): number | undefined => {
    const text = values.get(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new Error(`--${name} is a whole number from ${min} to ${max}, got ${text}`);
    }
    return value;
  };
  const url = values.get('url');
  if (url === undefined) throw new Error('--url is missing');
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Error(`--url is an http or https address, got ${url}`);
  }
  return {
    url,
    meters: integer('meters', 1, 1_000) ?? 8,
    intervalMs: (integer('interval', 1, 86_400) ?? 10) * 1000,
    count: integer('count', 1, Number.MAX_SAFE_INTEGER),
    seed: integer('seed', 0, 0xffff_ffff) ?? 2,
    cheaters: shareOf(values.get('cheaters') ?? '0%'),
    key: values.get('key') ?? env['WATTPROOF_API_KEY'],
  };
}
