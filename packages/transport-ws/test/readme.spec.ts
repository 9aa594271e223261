import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WsConfig } from '../src/ws.config.js';
import { WsScene } from './ws-scene.js';

interface Device {
  readonly kept: Map<string, string>;
  send(id: string, body: string): void;
  end(): void;
}
type DeviceClass = new (
  url: string,
  show: object,
  options: {
    readonly onSettled: (said: { readonly type: string; readonly id: string }) => void;
    readonly wait: (tries: number, code: number) => Promise<void>;
  },
) => Device;

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
let scene: WsScene | undefined;
afterEach(() => scene?.end());

/** The example as a module of its own. */
async function example(): Promise<DeviceClass> {
  const source = /```js device\n([^]*?)```/.exec(readme)![1]!;
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-ws-'));
  const file = join(folder, 'device.mjs');
  await writeFile(file, source);
  const { Device } = (await import(pathToFileURL(file).href)) as { Device: DeviceClass };
  await rm(folder, { recursive: true });
  return Device;
}

describe('The README', () => {
  it('has a device that loses nothing: refused, throttled, cut off and sent away', async () => {
    scene = await WsScene.start({ maxInFlight: 4 });
    const Device = await example();
    const settled: string[] = [];
    const closes: number[] = [];
    const done = Promise.withResolvers<void>();
    const device = new Device(
      scene.url.replace('http', 'ws'),
      { key: 'key-1' },
      {
        onSettled: ({ type, id }) => {
          settled.push(`${type} ${id}`);
          if (settled.length === 40) done.resolve();
        },
        wait: async (_tries, code) => void closes.push(code),
      },
    );
    const { ingest } = scene.host;
    // Each of the first times something is wrong with every third reading.
    const seen = new Map<string, number>();
    ingest.answerBy((arrival) => {
      const n = Number(/"n":(\d+)/.exec(arrival.text)![1]);
      const times = (seen.get(String(n)) ?? 0) + 1;
      seen.set(String(n), times);
      if (n === 7) arrival.refuse('too_old');
      else if (times === 1 && n % 10 === 3)
        arrival.answer({ kind: 'retry', code: 'throttled', retryAfterMs: 1 });
      else if (times === 1 && n % 10 === 5) arrival.retryLater(1);
      else if (times === 1 && n % 10 === 8) arrival.fail();
      else arrival.commit();
    });
    for (let n = 0; n < 40; n += 1) device.send(`r${n}`, `{"n":${n}}`);
    await done.promise;
    expect(settled.toSorted()).toEqual(
      Array.from({ length: 40 }, (_, n) => `${n === 7 ? 'nack' : 'ack'} r${n}`).toSorted(),
    );
    expect(device.kept.size).toBe(0);
    expect(closes.length).toBeGreaterThan(0);
    expect(new Set(closes)).toEqual(new Set([1013]));
    device.end();
  });

  it('names limits as the configuration has them', () => {
    const config = WsConfig.parse({});
    for (const name of [...readme.matchAll(/`([a-z]+(?:[A-Z][A-Za-z]+)+)`/g)].map(
      ([, one]) => one!,
    ))
      if (/^(?:max|ping|pong|auth|message|recheck|slow|allowed)/.test(name))
        expect([name, name in config]).toEqual([name, true]);
  });
});
