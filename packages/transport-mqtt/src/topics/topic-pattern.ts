import { TopicMapError } from './topic-error.js';

/** Names a pattern may leave open; each is one whole level of the topic. */
export const PLACES = ['site', 'device', 'meter', 'transfer'] as const;
export type Place = (typeof PLACES)[number];
export type Places = Readonly<Partial<Record<Place, string>>>;

/** Words that cannot be site ids: topics of other systems have them where `energy/{site}/…` has the site. */
export const RESERVED_SITES: ReadonlySet<string> = new Set([
  'donor',
  'recipient',
  'device',
  'transfer',
  'lock',
  'unlock',
  'meters',
]);

type Level = { readonly literal: string } | { readonly place: Place };

/** A topic with places: `energy/{site}/{device}/{meter}`. */
export class TopicPattern {
  readonly #levels: readonly Level[];

  constructor(readonly text: string) {
    this.#levels = text.split('/').map((level) => this.#read(level));
    const places = this.places;
    if (new Set(places).size < places.length)
      throw new TopicMapError('topic_pattern_invalid', `"${text}" has a place twice.`);
  }

  #read(level: string): Level {
    const name = /^\{([a-z]+)\}$/.exec(level)?.[1];
    const place = PLACES.find((one) => one === name);
    if (place !== undefined) return { place };
    // A `$` at the start belongs to the broker (MQTT 5.0, 4.7.2); wildcards are what places become.
    if (level === '' || /[{}+#\u0000]/.test(level) || this.text.startsWith('$'))
      throw new TopicMapError(
        'topic_pattern_invalid',
        `"${this.text}" has a level "${level}"; a level is a word without + # { }, or one of ${PLACES.map((one) => `{${one}}`).join(', ')}.`,
      );
    return { literal: level };
  }

  get places(): readonly Place[] {
    return this.#levels.flatMap((level) => ('place' in level ? [level.place] : []));
  }

  /** The subscription that sees all of its topics, and perhaps others. */
  get filter(): string {
    return this.#levels.map((level) => ('place' in level ? '+' : level.literal)).join('/');
  }

  /** What stands at the places, or undefined when it is another topic. */
  match(topic: string): Places | undefined {
    const levels = topic.split('/');
    if (levels.length !== this.#levels.length) return undefined;
    const found: Partial<Record<Place, string>> = {};
    for (const [index, level] of this.#levels.entries()) {
      const word = levels[index]!;
      if ('literal' in level) {
        if (word !== level.literal) return undefined;
      } else if (word === '' || (level.place === 'site' && RESERVED_SITES.has(word))) {
        return undefined;
      } else found[level.place] = word;
    }
    return found;
  }

  /** The topic with its places filled in. Undefined when one is not known or cannot be a level. */
  topicOf(places: Places): string | undefined {
    const levels = this.#levels.map((level) =>
      'literal' in level ? level.literal : places[level.place],
    );
    return levels.every((word) => word !== undefined && word !== '' && !/[/+#\u0000]/.test(word))
      ? levels.join('/')
      : undefined;
  }

  /** Whether some topic is of both patterns. */
  overlaps(other: TopicPattern): boolean {
    return (
      this.#levels.length === other.#levels.length &&
      this.#levels.every((level, index) => meet(level, other.#levels[index]!))
    );
  }
}

function meet(a: Level, b: Level): boolean {
  if ('literal' in a) {
    if ('literal' in b) return a.literal === b.literal;
    return b.place !== 'site' || !RESERVED_SITES.has(a.literal);
  }
  return 'literal' in b ? meet(b, a) : true;
}
