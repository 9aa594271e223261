import * as fc from 'fast-check';
import { PRESETS } from '../../src/topics/presets.js';
import type { TopicMap } from '../../src/topics/topic-map.js';
import { TopicMaps } from '../../src/topics/topic-maps.js';
import { RESERVED_SITES, TopicPattern } from '../../src/topics/topic-pattern.js';

const all = new TopicMaps(Object.values(PRESETS));
const custom = (...patterns: string[]): TopicMap => ({
  name: 'own',
  takes: patterns.map((pattern) => ({ pattern, payload: 'kwh-btc-iot' as const })),
});

describe('topic maps', () => {
  it.each([
    ['wattproof/v1/m1/readings', 'readings', 'm1'],
    ['wattproof/v1/m1/status', 'status', 'm1'],
    ['wattproof/v1/m1/alerts', 'alert', 'm1'],
    ['wattproof/v1/m1/answers', 'answer', 'm1'],
    ['energy/PLANT-01/gw-1/MTR-1', 'kwh-btc-iot', 'MTR-1'],
    ['energy/meters/household_1', 'energypulse', 'household_1'],
    ['energy/donor/esp/status', 'los-tecnicos-donor-status', 'esp'],
    ['energy/device/esp/status', 'los-tecnicos-donor-status', 'esp'],
    ['energy/recipient/pi/status', 'los-tecnicos-recipient-status', 'pi'],
    ['energy/device/esp/alert', 'los-tecnicos-alert', 'esp'],
    ['energy/donor/esp/lock/response', 'los-tecnicos-lock-response', 'esp'],
    ['energy/lock/esp/response', 'los-tecnicos-lock-response', 'esp'],
    ['energy/transfer/txn/status', 'los-tecnicos-transfer-status', undefined],
  ])('%s carries %s of %s', (topic, payload, speaker) => {
    expect(all.inbound(topic)).toMatchObject({ payload });
    expect(all.inbound(topic)?.speaker).toBe(speaker);
  });

  it.each([
    'energy/donor/esp/lock',
    'energy/donor/esp/other',
    'energy/lock/esp',
    'energy/meters/a/b',
    'energy/a//c',
    'energy/a/b/c/d',
    'wattproof/v1/m1/receipts',
    'wattproof/v1/m1/commands',
    'wattproof/v1//readings',
    'wattproof/v2/m1/readings',
    '',
  ])('%p carries nothing of anybody', (topic) => {
    expect(all.inbound(topic)).toBeUndefined();
  });

  it('keep the words of other systems from being sites', () => {
    for (const word of RESERVED_SITES)
      expect(new TopicMaps([PRESETS['kwh-btc-iot']]).inbound(`energy/${word}/a/b`)).toBeUndefined();
  });

  it.each([
    ['wattproof/v1/m1/receipts', 'receipts', 'm1'],
    ['wattproof/v1/m1/commands', 'commands', 'm1'],
    ['energy/donor/esp/lock', 'commands', 'esp'],
    ['energy/lock/esp', 'commands', 'esp'],
    ['energy/unlock/esp', 'commands', 'esp'],
  ])('%s is for the gateway to write: %s of %s', (topic, purpose, device) => {
    expect(all.outbound(topic)).toEqual({ purpose, device });
    expect(all.inbound(topic)).toBeUndefined();
  });

  it('subscribe to every topic once', () => {
    expect(all.filters).toContain('energy/+/+/+');
    expect(all.filters).toContain('energy/meters/+');
    expect(new Set(all.filters).size).toBe(all.filters.length);
    expect(new TopicMaps([PRESETS.wattproof]).filters).toEqual([
      'wattproof/v1/+/readings',
      'wattproof/v1/+/status',
      'wattproof/v1/+/alerts',
      'wattproof/v1/+/answers',
    ]);
  });

  it('send a lock on every topic its firmware may read', () => {
    const topics = (name: string) => all.commandTopics(name, 'esp').map(({ topic }) => topic);
    expect(topics('lock')).toEqual([
      'wattproof/v1/esp/commands',
      'energy/donor/esp/lock',
      'energy/lock/esp',
    ]);
    expect(topics('resend')).toEqual(['wattproof/v1/esp/commands']);
  });

  it.each(['', 'a/b', '+', '#', 'a\u0000'])('send nothing to a device named %p', (device) => {
    expect(all.commandTopics('lock', device)).toEqual([]);
    expect(all.receiptsTopic('wattproof', device)).toBeUndefined();
  });

  it.each<[string, TopicMap[]]>([
    ['the same pattern twice', [custom('a/{site}/{device}/{meter}', 'a/{site}/{device}/{meter}')]],
    [
      'a place and a word',
      [
        custom('a/{site}/{device}/{meter}', 'a/b/{site}/{device}/{meter}'),
        { ...custom('a/b/{site}/{meter}/{device}'), name: 'other' },
      ],
    ],
    ['two presets of one root', [PRESETS['kwh-btc-iot'], custom('energy/{device}/{meter}/{site}')]],
    [
      'what the gateway writes',
      [
        PRESETS.wattproof,
        { name: 'own', takes: [{ pattern: 'wattproof/v1/{device}/receipts', payload: 'status' }] },
      ],
    ],
  ])('are refused when they have topics in common: %s', (_, maps) => {
    expect(() => new TopicMaps(maps)).toThrow(
      expect.objectContaining({ code: 'topic_maps_overlap' }),
    );
  });

  it('are refused when two have one name: receipts of the first would go where those of the second do', () => {
    const namesake: TopicMap = { ...custom('b/{site}/{device}/{meter}'), receipts: 'b/{device}' };
    expect(() => new TopicMaps([{ ...PRESETS.wattproof, name: 'own' }, namesake])).toThrow(
      expect.objectContaining({ code: 'topic_map_twice' }),
    );
  });

  it.each(['a/{site}/{device}', 'a/{device}/{meter}/x'])(
    'need every place of a payload: %s',
    (pattern) => {
      expect(() => new TopicMaps([custom(pattern)])).toThrow(
        expect.objectContaining({ code: 'topic_place_missing' }),
      );
    },
  );

  it.each(['a//b', '+/b', 'a/#', 'a/{house}', 'a/x{site}', '$SYS/{device}', '{site}/{site}', ''])(
    'know no pattern %p',
    (text) => {
      expect(() => new TopicPattern(text)).toThrow(
        expect.objectContaining({ code: 'topic_pattern_invalid' }),
      );
    },
  );

  it('say that two patterns overlap exactly when some topic is of both', () => {
    const level = fc.constantFrom('a', 'b', 'donor', '{site}', '{device}', '{meter}');
    const pattern = fc
      .uniqueArray(level, {
        minLength: 1,
        maxLength: 3,
        selector: (one) => (one.startsWith('{') ? one : Symbol(one)),
      })
      .map((levels) => new TopicPattern(levels.join('/')));
    const words = ['a', 'b', 'donor', 'z'];
    const topics = [1, 2, 3].flatMap((length) =>
      Array.from({ length: words.length ** length }, (_, index) =>
        Array.from(
          { length },
          (__, place) => words[Math.floor(index / words.length ** place) % words.length],
        ).join('/'),
      ),
    );
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const common = topics.some((topic) => one.match(topic) && other.match(topic));
        expect(one.overlaps(other)).toBe(common);
      }),
      { numRuns: 500 },
    );
  });

  it('fill a pattern so that it matches again', () => {
    const word = fc
      .string({ minLength: 1 })
      .filter((text) => !/[/+#\u0000]/.test(text) && !RESERVED_SITES.has(text));
    const pattern = new TopicPattern('energy/{site}/{device}/{meter}');
    fc.assert(
      fc.property(word, word, word, (site, device, meter) => {
        expect(pattern.match(pattern.topicOf({ site, device, meter })!)).toEqual({
          site,
          device,
          meter,
        });
      }),
    );
  });
});
