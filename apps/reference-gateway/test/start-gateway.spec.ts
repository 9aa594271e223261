import { describe, expect, it } from '@jest/globals';
import { freePort } from '@wattproof/core/testing';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runGateway, startGateway } from '../src/main.js';

const silentLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

async function configured(yaml: string) {
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-start-'));
  const file = join(folder, 'gateway.yaml');
  await writeFile(file, `log: { key: { file: "${join(folder, 'log.key')}" } }\n${yaml}`);
  const lines: string[] = [];
  return {
    lines,
    options: {
      file,
      env: {},
      workingDirectory: folder,
      out: (line: string) => void lines.push(line),
      logger: silentLogger,
    },
  };
}

/** What the process would have written to standard error. */
async function failure(options: Parameters<typeof runGateway>[0]) {
  const written: string[] = [];
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write;
  try {
    return { code: await runGateway(options), text: written.join('') };
  } finally {
    process.stderr.write = write;
  }
}

describe('Starting the gateway', () => {
  it('prints what is kept how well, what is embedded, the warnings, and last the ready line', async () => {
    const { lines, options } = await configured(
      'origin: start.example/log\nhttp: { port: 0, open: [logs] }\nstore: { url: "memory://" }\ntransports: { ws: { use: "@wattproof/transport-ws" }, mqtt: { use: "@wattproof/transport-mqtt", listen: { port: 0 } } }\n',
    );
    const gateway = await startGateway(options);
    expect(lines[0]).toBe('wattproof start.example/log');
    const text = lines.join('\n');
    expect(text).toContain('durability class memory');
    expect(text).toContain('local ledger "local"');
    expect(text).toContain('prod.yaml');
    expect(text).toMatch(/warning +http\.open: logs/);
    expect(text).toContain(`ws: ${gateway.url.replace('http', 'ws')}/ws`);
    expect(text).toMatch(/embedded .*MQTT broker "mqtt"/);
    expect(text).toMatch(/mqtt: mqtt:\/\/127\.0\.0\.1:[1-9]/);
    expect(lines.at(-1)).toBe(`wattproof listening on ${gateway.url}`);
    const health = await fetch(`${gateway.url}/health/ready`);
    expect(health.status).toBe(200);
    await gateway.stop();
    await expect(fetch(`${gateway.url}/health/ready`)).rejects.toThrow('fetch failed');
  });

  it('drains on SIGTERM and ends with 0', async () => {
    const { lines, options } = await configured(
      'origin: start.example/log\nhttp: { port: 0 }\nstore: { url: "memory://" }\n',
    );
    const ready = new Promise<void>((resolve) => {
      const { out } = options;
      options.out = (line) => {
        out(line);
        if (line.startsWith('wattproof listening')) resolve();
      };
    });
    const ended = runGateway(options);
    await ready;
    process.emit('SIGTERM', 'SIGTERM');
    expect(await ended).toBe(0);
    expect(lines.at(-1)).toMatch(/^wattproof listening on http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('ends with 1, code and message when the store cannot be reached, and never shows the password', async () => {
    const { options } = await configured(
      `origin: start.example/log\nhttp: { port: 0 }\nstore: { url: "postgresql://u:hunter2@127.0.0.1:${await freePort()}/db" }\n`,
    );
    const { code, text } = await failure(options);
    expect(code).toBe(1);
    expect(text).toMatch(/^store_unavailable: /);
    expect(text).not.toContain('hunter2');
  });

  it('refuses production on a store that loses what power loss takes, unless that is consented to', async () => {
    const { options } = await configured(
      'origin: start.example/log\nprofile: production\nhttp: { port: 0 }\nstore: { url: "memory://" }\n',
    );
    const { code, text } = await failure(options);
    expect(code).toBe(1);
    expect(text).toContain('store.durability');
    const consented = await configured(
      'origin: start.example/log\nprofile: production\nhttp: { port: 0 }\nstore: { url: "memory://", durability: memory }\n',
    );
    const gateway = await startGateway(consented.options);
    await gateway.stop();
  });

  it('ends with 1 and every problem when the configuration is wrong', async () => {
    const { options } = await configured('origin: "two words"\nhttp: { prt: 1 }\n');
    const { code, text } = await failure(options);
    expect(code).toBe(1);
    expect(text).toContain('origin');
    expect(text).toContain('http.prt');
  });

  it('ends with 1 when the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      server.once('listening', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const { options } = await configured(
      `origin: start.example/log\nhttp: { port: ${port} }\nstore: { url: "memory://" }\n`,
    );
    const { code, text } = await failure(options);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect([code, text.slice(0, 10)]).toEqual([1, 'EADDRINUSE']);
  });
});
