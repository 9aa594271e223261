import { canonicalJson } from '../rfc8785.js';
import type { DocumentCodec } from './codec.js';
import type { CanonicalDocument } from './format.js';
import { FormatError } from './format.js';

/** An immutable set of formats, found by name. */
export class FormatRegistry {
  private readonly byName: ReadonlyMap<string, DocumentCodec>;
  /** Names of the formats, in the order they were given. */
  readonly names: readonly string[];

  /** Throws `format_duplicate` when two codecs share a name. */
  constructor(codecs: Iterable<DocumentCodec>) {
    const byName = new Map<string, DocumentCodec>();
    for (const codec of codecs) {
      if (byName.has(codec.name))
        throw new FormatError('format_duplicate', `Two codecs are named "${codec.name}"`);
      byName.set(codec.name, codec);
    }
    this.byName = byName;
    this.names = Object.freeze([...byName.keys()]);
    Object.freeze(this);
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** Throws `format_unknown`. */
  get(name: string): DocumentCodec {
    const codec = this.byName.get(name);
    if (codec !== undefined) return codec;
    const known = this.names.filter((one) => this.byName.get(one)?.system !== true);
    throw new FormatError(
      'format_unknown',
      `No format is named ${JSON.stringify(name.slice(0, 40))}; known are ${known.join(', ')}`,
    );
  }

  /** A registry with these codecs besides its own. */
  with(codecs: Iterable<DocumentCodec>): FormatRegistry {
    return new FormatRegistry([...this.byName.values(), ...codecs]);
  }

  /** Canonical bytes of a document given as JSON text (literals stay exact) or as a parsed object. */
  canonicalize(format: string, json: string | object): Uint8Array {
    const codec = this.get(format);
    if (codec.canonical !== undefined) return codec.canonical(json);
    return codec.read(typeof json === 'string' ? json : canonicalJson(json)).bytes;
  }

  /** Canonical bytes and facts of JSON text. */
  read(format: string, json: string): CanonicalDocument {
    return this.get(format).read(json);
  }
}
