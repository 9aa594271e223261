import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** An embedded database is made at the first start, which takes its time on a machine that is busy. */
const READY_WITHIN_MS = 180_000;
const READY = /^wattproof listening on (http\S+)$/m;

/** A gateway as its own process, the way an operator runs it, and the means to take it away. */
export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Sends the signal and resolves to the exit code, or to the signal that ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals>;
}

export interface GatewayProcessOptions {
  /** Built entry file of the gateway. */
  readonly entry: string;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly readyWithinMs?: number;
}

/** Starts it and resolves when it printed its ready line; rejects with its output when it ends before. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [options.entry], {
    cwd: options.cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const url = await ready(child, () => output, options.readyWithinMs ?? READY_WITHIN_MS);
  return {
    url,
    pid: child.pid as number,
    output: () => output,
    async end(signal) {
      if (child.exitCode !== null) return child.exitCode;
      if (child.signalCode !== null) return child.signalCode;
      const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      child.kill(signal);
      const [code, ended] = await exit;
      return code ?? (ended as NodeJS.Signals);
    },
  };
}

function ready(child: ChildProcess, output: () => string, withinMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`The gateway was not ready within ${withinMs} ms. It printed:\n${output()}`),
      );
    }, withinMs);
    const look = (): void => {
      const match = READY.exec(output());
      if (!match) return;
      clearTimeout(timer);
      child.off('exit', ended);
      resolve(match[1] as string);
    };
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      reject(
        new Error(
          `The gateway ended (${code ?? signal}) before it was ready. It printed:\n${output()}`,
        ),
      );
    };
    child.stdout?.on('data', look);
    child.once('exit', ended);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(cause);
    });
  });
}
