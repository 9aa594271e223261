import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const PROGRAMS = ['chromium-headless-shell', 'chromium', 'chromium-browser'];

/** A server of one page and a browser that opens it; the script of the page ends with what it found. */
export class Page {
  /** Its origin by address; `http://localhost:…` is the same page from another origin. */
  readonly origin: string;
  readonly #server;
  #script = '';
  #found: (result: unknown) => void = () => undefined;
  #end = (): void => undefined;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request: IncomingMessage, response) => {
      if (request.method === 'POST')
        void bodyOf(request).then((body) => {
          this.#found(JSON.parse(body));
          response.end();
        });
      else response.setHeader('content-type', 'text/html').end(pageOf(this.#script));
    });
  }

  static async serve(): Promise<Page> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Page(server);
  }

  /** Runs `script`, the body of an async function, in a browser that opened the page at `origin`; gives what it returns. */
  async run(script: string, origin = this.origin): Promise<unknown> {
    this.#script = script;
    const folder = await mkdtemp(join(tmpdir(), 'wattproof-browser-'));
    const program = await browser();
    const found = new Promise((resolve) => (this.#found = resolve));
    // As root, which runs the checks of many machines, a browser starts only without its sandbox.
    const options = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    const child = spawn(
      program,
      [...options, '--remote-debugging-port=0', `--user-data-dir=${folder}`, `${origin}/`],
      { detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const ended = once(child, 'exit');
    this.#end = () => {
      if (child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid!, 'SIGKILL');
    };
    const tooSoon = ended.then(() => {
      throw new Error(`${program} ended before the page did. It printed:\n${printed.slice(-2000)}`);
    });
    try {
      return await Promise.race([found, tooSoon]);
    } finally {
      this.#end();
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    }
  }

  /** Ends a browser whose page never found anything, too. */
  async close(): Promise<void> {
    this.#end();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

function pageOf(script: string): string {
  return `<!doctype html><meta charset="utf-8"><title>Meter</title><script type="module">
const page = async () => { ${script} };
const result = await page().catch((error) => ({ error: String(error) }));
await fetch('/', { method: 'POST', body: JSON.stringify(result) });
</script>`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += String(part);
  return body;
}

async function browser(): Promise<string> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  for (const program of PROGRAMS)
    for (const folder of folders) {
      const file = join(folder, program);
      const there = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (there) return file;
    }
  throw new Error(
    'No Chromium. On Debian: apt-get install -y --no-install-recommends chromium-headless-shell',
  );
}
