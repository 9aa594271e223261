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
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    await once(child, 'message');
  }
  /** Kills it when it alone has something that a device was told is taken, and starts it again. */
  async killFull(): Promise<void> {
    const full = once(this.#child!, 'message');
    this.#child!.send('keep');
    await full;
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
