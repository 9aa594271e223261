import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runSimulate } from '../../src/cli/simulate.js';
import { GatewayClient, runSimulation } from '../../src/simulator/index.js';
import { StoreUnavailable } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';

const INTERVAL_MS = 10_000;

describe('a running simulation', () => {
  let gateway: TestGateway;
  let clock: FakeClock;
  beforeEach(async () => {
    clock = new FakeClock();
    gateway = await startTestGateway({ clock, config: { devices: { registration: 'open' } } });
  });
  afterEach(() => gateway.stop());

  function simulate(options: {
    intervals: number;
    fetch?: typeof fetch;
    intervalMs?: number;
    size?: number;
    cheaters?: number;
  }) {
    const { intervals, intervalMs = INTERVAL_MS, size = 3, cheaters = 0, ...network } = options;
    return runSimulation({
      client: new GatewayClient(gateway.url, { apiKey: gateway.adminKey, ...network }),
      clock,
      seed: 4,
      size,
      cheaters,
      intervalMs,
      signal: new AbortController().signal,
      intervals,
      until: (atMs) => clock.advance(Math.max(0, atMs - clock.nowMs())),
    });
  }

  it('has every reading taken, one for each meter and interval', async () => {
    expect(await simulate({ intervals: 3 })).toEqual({
      meters: 3,
      sent: 9,
      accepted: 9,
      refused: 0,
    });
    const { items } = await gateway.services.store.entries.list({ limit: 100, source: 'external' });
    expect(items.map(({ assurance }) => assurance)).toEqual(Array(9).fill('device-signature'));
  });

  it('has cheaters, when asked for, of whom those are held who generate at night', async () => {
    await clock.advance(Date.parse('2026-01-15T22:00:00Z') - clock.nowMs());
    const quarters = { intervals: 2, intervalMs: 900_000, size: 16 };
    expect(await simulate({ ...quarters, cheaters: 0.5 })).toEqual({
      meters: 16,
      sent: 32,
      accepted: 28,
      // Night PV and a constant offset; generation that is only shifted is not there yet.
      refused: 4,
      lastRefusal: 'night_generation',
    });
  });

  it('goes on after a restart, with other intervals too, without repeating a sequence number', async () => {
    await simulate({ intervals: 2 });
    expect(await simulate({ intervals: 2 })).toMatchObject({ accepted: 6, refused: 0 });
    expect(await simulate({ intervals: 2, intervalMs: 30_000 })).toMatchObject({
      accepted: 6,
      refused: 0,
    });
  });

  it('sends the same bytes again until the gateway has acknowledged them', async () => {
    const bodies: unknown[] = [];
    const unreliable: typeof fetch = async (input, init) => {
      if (!String(input).endsWith('/readings')) return fetch(input, init);
      bodies.push(init?.body);
      if (bodies.length === 1) throw new TypeError('fetch failed');
      if (bodies.length === 2)
        return new Response('{}', { status: 503, headers: { 'retry-after': '2' } });
      return fetch(input, init);
    };
    expect(await simulate({ intervals: 1, fetch: unreliable })).toMatchObject({ accepted: 3 });
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
  });

  it('shows on a terminal what it does and waits for, in a log each reason to send again once', async () => {
    let failures = 3;
    const { commit } = gateway.services.store.ingest;
    gateway.services.store.ingest.commit = async function (...given) {
      if ((failures -= 1) >= 0) throw new StoreUnavailable('restarting');
      return commit.apply(this, given);
    };
    const run = async (terminal: boolean, seed: string) => {
      const lines: string[] = [];
      const tell = (line: string): void => void lines.push(line);
      const code = await runSimulate(
        ['--url', gateway.url, '--meters', '1', '--interval=1', '--count', '1', '--seed', seed],
        {
          env: { WATTPROOF_API_KEY: gateway.adminKey },
          signal: new AbortController().signal,
          // Later at every look, so that nothing is waited for.
          nowMs: () => {
            void clock.advance(2000);
            return clock.nowMs();
          },
          out: tell,
          err: tell,
          ...(terminal ? { update: tell } : {}),
        },
      );
      return { code, lines };
    };
    const log = await run(false, '7');
    expect(log.code).toBe(0);
    expect(log.lines.slice(1)).toEqual([
      expect.stringMatching(/^sending again in \d+ s: the gateway answered 503$/),
      '1 readings sent, 1 accepted, 0 refused',
      'done: 1 readings sent, 1 accepted, 0 refused',
    ]);
    failures = 1;
    const terminal = await run(true, '8');
    expect(
      terminal.lines.slice(1).map((line) => line.replaceAll(/\d\d:\d\d:\d\dZ/g, 'TIME')),
    ).toEqual([
      'registering meter 1 of 1',
      'next readings at TIME',
      expect.stringContaining('the gateway answered 503'),
      '1 readings sent, 1 accepted, 0 refused',
      '',
      'done: 1 readings sent, 1 accepted, 0 refused',
    ]);
  });

  it('ends at once when told to, also while the gateway does not answer', async () => {
    const stop = new AbortController();
    const silent = createServer(() => stop.abort());
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as AddressInfo;
    const lines: string[] = [];
    const code = await runSimulate(['--url', `http://127.0.0.1:${port}`], {
      env: {},
      signal: stop.signal,
      nowMs: () => clock.nowMs(),
      out: (line) => void lines.push(line),
      err: (line) => void lines.push(line),
    });
    expect([code, lines.at(-1)]).toEqual([0, 'stopped before the first reading']);
    silent.closeAllConnections();
    silent.close();
  });

  it('says with its exit code what became of it as a command', async () => {
    const lines: string[] = [];
    const host = {
      env: { WATTPROOF_API_KEY: gateway.adminKey },
      signal: new AbortController().signal,
      nowMs: () => clock.nowMs(),
      out: (line: string) => void lines.push(line),
      err: (line: string) => void lines.push(line),
    };
    // The interval that is asked for is over at once: the command's clock is the gateway's, ahead of its start.
    const hurried = { ...host, nowMs: () => clock.nowMs() + 1000 };
    const args = ['--url', gateway.url, '--meters', '2', '--interval=1', '--count', '1'];
    expect(await runSimulate(args, hurried)).toBe(0);
    expect(lines.at(-1)).toBe('done: 2 readings sent, 2 accepted, 0 refused');
    expect(await runSimulate(['--url', 'ftp://x'], host)).toBe(2);
    expect(await runSimulate(['--meters', '2'], host)).toBe(2);
    expect(await runSimulate(['--url', gateway.url, '--speed', '2'], host)).toBe(2);
    expect(await runSimulate(['--url', 'http://127.0.0.1:1', '--count', '1'], host)).toBe(1);
  });
});
