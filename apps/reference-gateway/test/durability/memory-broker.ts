import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A broker in memory with its consumer, as a process that can be killed and started again. */
export class MemoryBroker {
  #child: ChildProcess | undefined;

  constructor(
    private readonly port: number,
    private readonly url: string,
    private readonly apiKey: string,
  ) {}

  async start(): Promise<void> {
    const script = join(import.meta.dirname, 'memory-broker-process.mjs');
    const child = spawn(process.execPath, [script, String(this.port), this.url, this.apiKey], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await once(child.stdout!, 'data');
  }
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    await this.start();
  }
  /** When everything it still has was handed on. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.#child || this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
