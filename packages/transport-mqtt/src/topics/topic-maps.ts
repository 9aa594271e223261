import type { CommandShape } from '../payloads/command-shapes.js';
import type { PayloadKind } from '../payloads/payload-kinds.js';
import { TopicMapError } from './topic-error.js';
import type { TopicMap } from './topic-map.js';
import { type Place, type Places, TopicPattern } from './topic-pattern.js';

/** What devices publish on a topic. */
export interface InboundTopic {
  readonly map: string;
  readonly payload: PayloadKind;
  readonly places: Places;
  /** Who speaks, as the topic says: the meter, else the device. Topics of transfers name nobody. */
  readonly speaker?: string;
}

/** A topic that the gateway publishes and one device reads. */
export interface OutboundTopic {
  readonly purpose: 'receipts' | 'commands';
  readonly device: string;
}

/** Places without which a payload says nothing that can be attributed. */
const NEEDS: Readonly<Partial<Record<PayloadKind, readonly Place[]>>> = {
  'kwh-btc-iot': ['site', 'device', 'meter'],
  energypulse: ['meter'],
  'los-tecnicos-transfer-status': ['transfer'],
};

/** All topics of one gateway. Two patterns that some topic is of both of are refused. */
export class TopicMaps {
  readonly #inbound: readonly (InboundPattern & { readonly pattern: TopicPattern })[];
  readonly #receipts: ReadonlyMap<string, TopicPattern>;
  readonly #commands: readonly {
    readonly pattern: TopicPattern;
    readonly shape: CommandShape;
    readonly command?: string;
  }[];

  constructor(maps: readonly TopicMap[]) {
    const [twice] = maps.filter(({ name }, at) => maps.findIndex((one) => one.name === name) < at);
    if (twice !== undefined)
      throw new TopicMapError(
        'topic_map_twice',
        `Two maps are named "${twice.name}"; leave one out or give it a name of its own.`,
      );
    this.#inbound = maps.flatMap(({ name, takes }) =>
      takes.map(({ pattern, payload }) => ({
        map: name,
        payload,
        pattern: requirePlaces(
          new TopicPattern(pattern),
          NEEDS[payload] ?? ['device'],
          `"${payload}" of the map "${name}"`,
        ),
      })),
    );
    this.#receipts = new Map(
      maps.flatMap(({ name, receipts }) =>
        receipts === undefined
          ? []
          : [
              [
                name,
                requirePlaces(new TopicPattern(receipts), ['device'], `receipts of "${name}"`),
              ],
            ],
      ),
    );
    this.#commands = maps.flatMap(({ name, commands = [] }) =>
      commands.map((one) => ({
        ...one,
        pattern: requirePlaces(new TopicPattern(one.pattern), ['device'], `commands of "${name}"`),
      })),
    );
    this.#refuseOverlaps();
  }

  #refuseOverlaps(): void {
    const all = [
      ...this.#inbound.map(({ map, pattern }) => ({ map, pattern })),
      // Maps may share one.
      ...new Map(
        [...this.#receipts].map(([map, pattern]) => [pattern.text, { map, pattern }]),
      ).values(),
      ...this.#commands.map(({ pattern }) => ({ map: 'commands', pattern })),
    ];
    for (const [index, one] of all.entries()) {
      const other = all.slice(index + 1).find(({ pattern }) => pattern.overlaps(one.pattern));
      if (other !== undefined)
        throw new TopicMapError(
          'topic_maps_overlap',
          `"${one.pattern.text}" (${one.map}) and "${other.pattern.text}" (${other.map}) have topics in common; leave one out or give it a prefix of its own.`,
        );
    }
  }

  /** Subscriptions that see every inbound topic, none twice. */
  get filters(): readonly string[] {
    return [...new Set(this.#inbound.map(({ pattern }) => pattern.filter))];
  }

  inbound(topic: string): InboundTopic | undefined {
    for (const { map, payload, pattern } of this.#inbound) {
      const places = pattern.match(topic);
      if (places === undefined) continue;
      const speaker = places.meter ?? places.device;
      return { map, payload, places, ...(speaker === undefined ? {} : { speaker }) };
    }
    return undefined;
  }

  /** What the gateway itself publishes: only the device may read it, and nobody else may write it. */
  outbound(topic: string): OutboundTopic | undefined {
    for (const pattern of this.#receipts.values()) {
      const device = pattern.match(topic)?.device;
      if (device !== undefined) return { purpose: 'receipts', device };
    }
    for (const { pattern } of this.#commands) {
      const device = pattern.match(topic)?.device;
      if (device !== undefined) return { purpose: 'commands', device };
    }
    return undefined;
  }

  /** Where the receipts of a message go that came over the map; undefined when its devices read none. */
  receiptsTopic(map: string, device: string): string | undefined {
    return this.#receipts.get(map)?.topicOf({ device });
  }

  /** Every topic on which a request of that name reaches the device. */
  commandTopics(
    command: string,
    device: string,
  ): readonly { readonly topic: string; readonly shape: CommandShape }[] {
    return this.#commands.flatMap((one) => {
      if (one.command !== undefined && one.command !== command) return [];
      const topic = one.pattern.topicOf({ device });
      return topic === undefined ? [] : [{ topic, shape: one.shape }];
    });
  }
}

interface InboundPattern {
  readonly map: string;
  readonly payload: PayloadKind;
}

function requirePlaces(
  pattern: TopicPattern,
  places: readonly Place[],
  owner: string,
): TopicPattern {
  const missing = places.filter((place) => !pattern.places.includes(place));
  if (missing.length > 0)
    throw new TopicMapError(
      'topic_place_missing',
      `The topic "${pattern.text}" for ${owner} needs ${missing.map((one) => `{${one}}`).join(' and ')}.`,
    );
  return pattern;
}
