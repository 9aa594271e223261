import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConfiguredPlugin } from '@wattproof/core/plugins';
import {
  fakeAnchor,
  FakeLedger,
  startTestGateway,
  type TestGateway,
} from '@wattproof/core/testing';
import { commitmentDigest } from '@wattproof/core/verify';
import { anchors } from '../../src/cli/anchors.js';
import { commandContext } from '../../src/cli/command.js';
import { ConfigFolder, MINIMAL } from '../config/config-folder.js';

const KEY = 'test-administrator-key-0123456789';

describe('gateway anchors', () => {
  const ledger = new FakeLedger({ exclusion: 'ledger', balance: 1_500n });
  const folder = new ConfigFolder();
  let gateway: TestGateway;

  const plugin: ConfiguredPlugin = {
    entry: {
      instanceId: 'notary',
      kind: 'anchor',
      use: 'fake',
      config: {},
      path: 'anchors.notary',
    },
    plugin: fakeAnchor('ledger'),
    config: { ledger, baseFee: 100n },
    url: import.meta.url,
    package: undefined,
  };

  beforeAll(async () => {
    gateway = await startTestGateway({
      config: {
        anchors: { notary: { use: 'fake', policy: { finalityDepth: 2, maxFeePerDay: 1_000 } } },
      },
      parts: { plugins: [plugin] },
    });
    const [origin, size, root] = ['test.example/energy-log', 1n, new Uint8Array(32)] as const;
    const digest = commitmentDigest(origin, size, root);
    await gateway.services.anchoring.engine.enqueue({ origin, size, root, digest });
    await gateway.settle();
    const { hostname, port } = new URL(gateway.url);
    folder.write(
      'etc/gateway.yaml',
      `${MINIMAL}http: { host: ${hostname}, port: ${port} }\naccounts: { adminApiKey: ${KEY} }\n`,
    );
  });
  afterAll(async () => {
    await gateway.stop();
    folder.remove();
  });

  async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const out: string[] = [];
    const err: string[] = [];
    const context = commandContext({
      env: { WATTPROOF_CONFIG: folder.file, ...env },
      workingDirectory: folder.path,
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
    });
    return { code: await anchors(args, context), out: out.join('\n'), err: err.join('\n') };
  }

  it('lists every anchor with its cost, what is left and what needs a person', async () => {
    const { code, out } = await run(['list']);
    expect(code).toBe(0);
    const [head, row, alert] = out.split('\n');
    expect(head?.split(/ {2,}/)).toEqual([
      'anchor',
      'state',
      'open',
      'final size',
      'paid',
      'per million',
      'left today',
      'runway',
    ]);
    expect(row?.split(/ {2,}/)).toEqual([
      'notary',
      'low_balance',
      '1',
      '0',
      '0 grain',
      '-',
      '900 grain',
      '15',
    ]);
    expect(alert).toMatch(
      /^notary: low_balance since \S+Z: the balance of 1500 grain pays for 15 more anchors$/,
    );
  });

  it('has what waits made dearer, tried again and looked at again', async () => {
    const bumped = await run(['bump', 'notary', '--file', folder.file]);
    expect(bumped).toMatchObject({ code: 0, err: '' });
    expect(bumped.out.split('\n')).toEqual([
      'notary: looked at 1, changed 1',
      '  checkpoint 1: broadcast, 2 attempts',
    ]);
    expect((await run(['retry', 'notary'])).out).toMatch(/^notary: looked at 1/);
    ledger.mine(2);
    await gateway.settle();
    expect((await run(['recheck'])).out).toBe('notary: looked at 1, changed 0');
  });

  it('needs no configuration when it is told the address and has a key', async () => {
    const told = await run(['list', `--url=${gateway.url}/`], {
      WATTPROOF_API_KEY: KEY,
      WATTPROOF_CONFIG: '/nowhere.yaml',
    });
    expect(told).toMatchObject({ code: 0 });
  });

  it.each<[readonly string[], Readonly<Record<string, string>>, RegExp]>([
    [['bump', 'nowhere'], {}, /^unknown_anchor: There is no anchor "nowhere"\. Configured: notary/],
    [['list'], { WATTPROOF_API_KEY: 'wpk_0000000000000000.wrong' }, /^api_key_invalid: /],
    [['list', '--url', 'http://127.0.0.1:9'], {}, /^gateway_unreachable: nothing answers at /],
    [['list'], { WATTPROOF_CONFIG: '/nowhere.yaml' }, /nowhere\.yaml/],
  ])('%j with %j is told why it is not done', async (args, env, why) => {
    const { code, err, out } = await run(args, env);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(why);
  });

  it('tells a terminal nothing that others could have it do, and takes no other server for a gateway', async () => {
    let body: unknown = {};
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      const [status, headers] = body === undefined ? [302, { location: '/away' }] : [200, {}];
      response.writeHead(status, headers).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const list = () => run(['list', '--url', url], { WATTPROOF_API_KEY: KEY });
    for (body of [{}, 'x', [7], [null], undefined]) {
      const { code, err } = await list();
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/is no Wattproof gateway|unreachable/),
      ]);
    }
    expect(asked).not.toContain('/away');
    const alert = { code: 'unreachable', since: 'x', detail: 'down\u001b[2J\nnotary: well' };
    const shown = { anchor: 'a', alerts: [alert], checkpoints: {}, final_size: 0, budget: {} };
    body = [
      { ...shown, unit: null, paid: '0', paid_per_million_entries: null, runway_anchors: null },
    ];
    const { code, out } = await list();
    expect([code, out.split('\n').at(-1)]).toEqual([
      0,
      'a: unreachable since x: down\ufffd[2J\ufffdnotary: well',
    ]);
    await new Promise((resolve) => void server.close(resolve));
  });

  it.each<[readonly string[], string]>([
    [[], 'takes one of list, retry, bump, recheck, got none'],
    [['raise', 'notary'], 'got raise'],
    [['bump'], 'needs the ID of an anchor'],
    [['list', 'notary'], 'takes no ID'],
    [['retry', 'a', 'b'], 'takes one ID, got 2'],
    [['list', '--url'], 'needs the address'],
  ])('%j is not usable', async (args, why) => {
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err).toContain(why);
  });
});
