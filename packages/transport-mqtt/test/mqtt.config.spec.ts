import mqtt from '../src/index.js';
import { MqttConfig } from '../src/mqtt.config.js';
import { mapsOf } from '../src/topics/topics.config.js';

const problems = (config: object): string[] =>
  MqttConfig.safeParse(config).error?.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  ) ?? [];

describe('the configuration', () => {
  it('needs a broker and nothing else', () => {
    expect(MqttConfig.parse({ url: 'mqtts://broker.example:8883' })).toMatchObject({
      maps: ['wattproof'],
      topicsAreAuthenticated: false,
      receipts: 'own',
    });
  });

  it.each([
    [{}, /exactly one/i],
    [{ url: 'mqtt://a', listen: {} }, /exactly one/i],
    [{ url: 'http://a' }, /^url: A broker is named by/],
    [{ url: 'mqtt://user:secret@a' }, /^url: A broker is named by/],
    [{ url: 'broker' }, /^url: /],
    [{ url: 'mqtt://a', client: { group: 'g' } }, /^client: "group" needs a "clientId"/],
    [{ url: 'mqtts://a', client: { tls: { cert: 'x' } } }, /^client.tls: "cert" and "key"/],
    [{ url: 'mqtt://a', client: { tls: { ca: 'x' } } }, /^client\.tls: .*mqtts:\/\/ or wss:/],
    [{ url: 'mqtt://' }, /^url: A broker is named by/],
    [{ listen: {}, client: { username: 'gateway' } }, /^client: .*"url".*"listen"/],
    [
      { url: 'mqtt://a', maps: ['thingsboard'] },
      /^maps\.0: .*"thingsboard".* wattproof, kwh-btc-iot/,
    ],
    [
      { url: 'mqtt://a', maps: [{ name: 'x', takes: [{ pattern: 'a', payload: 'all' }] }] },
      /^maps\.0: takes\.0\.payload: .*"status"/,
    ],
    [{ url: 'mqtt://a', maps: [] }, /^maps/],
    [{ url: 'mqtt://a', mpas: ['wattproof'] }, /mpas/],
    [{ listen: {}, topicsAreAuthenticated: true }, /^topicsAreAuthenticated: .*broker of "url"/],
    [{ listen: { port: null } }, /^listen: Nothing to listen on/],
  ])('%j is refused with its place', (config, message) => {
    expect(problems(config)).toEqual([expect.stringMatching(message)]);
  });

  it('of maps that have topics in common, or lack a place, is refused before anything starts', () => {
    const own = (pattern: string, payload: string) => ({
      name: 'own',
      takes: [{ pattern, payload }],
    });
    const overlap = own('energy/{device}/x/{meter}', 'status');
    expect(problems({ url: 'mqtt://a', maps: ['kwh-btc-iot', overlap] })).toEqual([
      expect.stringMatching(/^maps: .* have topics in common.*\(topic_maps_overlap\)$/),
    ]);
    expect(problems({ url: 'mqtt://a', maps: [own('a/{device}', 'energypulse')] })).toEqual([
      expect.stringMatching(/^maps: .* needs \{meter\}.*\(topic_place_missing\)$/),
    ]);
    expect(problems({ url: 'mqtt://a', maps: [own('a/{device}/#', 'status')] })).toEqual([
      expect.stringMatching(/\(topic_pattern_invalid\)$/),
    ]);
  });

  it.each([
    ['own', ['wattproof/v1/{device}/receipts', undefined]],
    ['all', ['wattproof/v1/{device}/receipts', 'wattproof/v1/{device}/receipts']],
    ['none', [undefined, undefined]],
  ] as const)('sends receipts to %s', (receipts, topics) => {
    const maps = mapsOf({ maps: ['wattproof', 'energypulse'], receipts });
    expect(maps.map((map) => map.receipts)).toEqual(topics);
  });

  it('rejects a start with certificates that cannot be used, and names no key', async () => {
    const { TransportHost, createTransport } = await import('@wattproof/core/testing');
    const host = await TransportHost.open();
    const tls = { cert: 'not a certificate', key: 'not-a-key' };
    const transport = await createTransport(mqtt, { url: 'mqtts://a', client: { tls } }, host);
    const failure = await transport.start(host.ingest).then(
      () => undefined,
      (error: unknown) => error as Error & { code: string },
    );
    expect(failure?.code).toBe('tls_invalid');
    expect(`${failure} ${String(failure?.cause)}`).not.toContain('not-a-key');
    const authority = { url: 'mqtts://a', client: { tls: { ca: 'no authority' } } };
    const other = await createTransport(mqtt, authority, host);
    await expect(other.start(host.ingest)).rejects.toMatchObject({ code: 'tls_invalid' });
    await host.close();
  });
});
