import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OPERATIONS } from '../../src/nest/http/openapi-operations.js';
import { type RouteName, type RouteRule, ROUTES } from '../../src/nest/http/routes.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { type Answer, ask, HOSTS } from './hosts.js';

const METER = 'solar-1';
/** What no route takes as its body, whatever it wants. */
const NO_BODIES: readonly (readonly [string, string | Uint8Array])[] = [
  ['half a document', '{"a":'],
  ['bytes that are no UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
  ['a byte order mark', '\uFEFF{}'],
  ['a number', '42'],
  ['null', 'null'],
  ['a text', '"readings"'],
  ['a list in a list', '[[]]'],
  ['one member twice', '{"a":1,"a":2}'],
  ['brackets without end', '['.repeat(5_000)],
  ['half a character', '{"a":"\\ud800"}'],
];
/** Objects that are JSON and not what was asked for; a route without a body may leave them alone. */
const ODD_OBJECTS: readonly (readonly [string, object | string])[] = [
  ['nothing', {}],
  ['an unknown member', { nobody_knows: true }],
  ['a member named __proto__', '{"__proto__":{"role":"admin"},"constructor":{"prototype":1}}'],
  ['numbers beyond every bound', '{"limit":1e400,"size_bytes":-1,"to":9e99,"from":-0}'],
];
const ODD_IDS = [
  '%00',
  '..%2f..',
  '%ff',
  'a'.repeat(700),
  "'%3B--",
  '%F0%9F%94%8B',
  '-1',
  '__proto__',
];
const ODD_QUERIES = [
  'limit=0',
  'limit=1e9',
  'limit=5&limit=6',
  'limit[a]=1',
  'cursor=%00',
  'cursor=constructor',
  'from=yesterday&to=2026-02-30T00:00:00Z',
  'from_byte=-1',
  'meter_id=%00',
  'page=99999999999999999999',
];

const ALL = Object.entries<RouteRule>(ROUTES) as [RouteName, RouteRule][];
const SENDING = ALL.filter(([, { method }]) => method !== 'GET');

/** A list is answered item by item. */
function isRefusal({ status, json }: Answer): boolean {
  if (status >= 400) return true;
  const items = (Array.isArray(json) ? json : json?.items) as { verdict?: string }[] | undefined;
  return items !== undefined && items.every(({ verdict }) => verdict === 'rejected');
}

describe.each(HOSTS)('Every route on %s', (host) => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway({ host, parts: { plugins: [] } });
    await gateway.services.store.meters.register(
      new TestDevice(METER).stored('active', { accountId: 'ada' }),
      unjournaled,
    );
  });
  afterAll(() => gateway.stop());

  const urlOf = ({ path }: RouteRule, id = METER, query = ''): string =>
    `${gateway.url}${path.replaceAll(/:\w+/g, id)}${query === '' ? '' : `?${query}`}`;

  /** Answered; and when refused, as a problem document with a code, without a word of the inside. */
  function expectTold(what: string, answer: Answer): void {
    expect([what, answer.status]).toEqual([what, expect.any(Number)]);
    if (answer.status >= 500) throw new Error(`${what}: ${answer.status} ${answer.text}`);
    if (answer.status < 400) return;
    expect([what, answer.type]).toEqual([
      what,
      expect.stringContaining('application/problem+json'),
    ]);
    expect([what, answer.json]).toEqual([
      what,
      expect.objectContaining({
        status: answer.status,
        code: expect.stringMatching(/^[a-z0-9_]+$/),
        detail: expect.any(String),
      }),
    ]);
    expect([what, answer.text]).toEqual([
      what,
      expect.not.stringMatching(/node_modules|\bat .+:\d+/),
    ]);
  }

  it.each(SENDING)('tells what is wrong with a body of %s', async (name, rule) => {
    const key = gateway.adminKey;
    const send = (body: string | Uint8Array | object, type?: string) =>
      ask(urlOf(rule), { method: rule.method, body, key, ...(type === undefined ? {} : { type }) });
    for (const [what, body] of NO_BODIES) {
      const answer = await send(body);
      expectTold(`${name}, ${what}`, answer);
      if (OPERATIONS[name].body !== undefined && !isRefusal(answer))
        throw new Error(`${name} takes ${what}: ${answer.status} ${answer.text}`);
    }
    for (const [what, body] of ODD_OBJECTS) expectTold(`${name}, ${what}`, await send(body));
    expectTold(`${name}, a page`, await send('<html>', 'text/html'));
    expectTold(`${name}, no type that exists`, await send('x', 'nothing'));
  });

  it.each(ALL)('tells what is wrong with an id or a query of %s', async (name, rule) => {
    const { method, path } = rule;
    const get = async (what: string, url: string) =>
      expectTold(
        `${name}, ${what}`,
        await ask(url, {
          method,
          key: gateway.adminKey,
          ...(method === 'GET' || method === 'DELETE' ? {} : { body: {} }),
        }),
      );
    if (path.includes(':')) for (const id of ODD_IDS) await get(`id ${id}`, urlOf(rule, id));
    if (method !== 'GET') return;
    for (const query of ODD_QUERIES) await get(`query ${query}`, urlOf(rule, METER, query));
  });
});
