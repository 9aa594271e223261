import { utf16Units } from '../native-text.js';
import { JsonError } from './json-error.js';
import { hasLoneSurrogate } from './lone-surrogate.js';
import { type MemberNames, Members } from './member-names.js';
import { JsonNumber, isExactDouble, isIntegral } from './number-literal.js';

/**
 * What becomes of a number literal.
 * `literal`: a `JsonNumber`, nothing is judged. `exact`: a double, refused unless the literal is the
 * shortest decimal of that double. `i-json`: a double; integers must be exact, fractions are rounded
 * as RFC 8785 §3.2.2.3 has it.
 */
export type NumberReading = 'literal' | 'exact' | 'i-json';

export type JsonTree =
  | null
  | boolean
  | number
  | string
  | JsonNumber
  | JsonTree[]
  | { [key: string]: JsonTree };

/** Deepest nesting of arrays and objects that is read. */
export const MAX_JSON_DEPTH = 64;

/**
 * Reads JSON (RFC 8259) as I-JSON (RFC 7493) demands it, in one pass over the text: no duplicate
 * keys, no lone surrogates, no byte order mark. Callers take whole values or, of an object, the members a schema knows.
 */
export class JsonReader {
  private at = 0;
  private depth = 0;
  /** True while every string read so far consisted of 0x20…0x7e without quote and backslash. */
  plain = true;

  /** The text's UTF-16 units and a zero: reading them is far cheaper than `charCodeAt`. */
  private readonly units: Uint16Array;

  constructor(
    private readonly text: string,
    private readonly numbers: NumberReading,
  ) {
    this.units = utf16Units(text);
    if (text.charCodeAt(0) === 0xfeff)
      throw new JsonError('json_bom', 'A byte order mark is not part of JSON', 0);
    this.skipSpace();
  }

  /** The first character of the next value, as a UTF-16 unit; 0 at the end. */
  peek(): number {
    return this.units[this.at]!;
  }

  /** Fails unless nothing but white space is left. */
  end(): void {
    this.skipSpace();
    if (this.at < this.text.length)
      throw new JsonError('json_trailing_data', 'Something follows the JSON value', this.at);
  }

  value(): JsonTree {
    const unit = this.units[this.at];
    switch (unit) {
      case 34:
        return this.string();
      case 123:
        return this.object();
      case 91:
        return this.array();
      case 116:
        return this.word('true', true);
      case 102:
        return this.word('false', false);
      case 110:
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  /** Steps into an object; false when it has no members (and is then already left). */
  private enterObject(): boolean {
    this.enter(123, 'an object');
    if (this.units[this.at] !== 125) return true;
    this.at += 1;
    this.depth -= 1;
    return false;
  }

  /** The next member's name; the reader then stands before its value. */
  private key(): string {
    if (this.units[this.at] !== 34) this.unexpected('a member name in quotes');
    const key = this.string();
    this.colon();
    return key;
  }

  /**
   * Reads an object and keeps the members a schema knows; the others are read, checked and dropped.
   */
  members(known: MemberNames): Members {
    const values = known.blank.slice();
    let seen = 0;
    let others: Set<string> | undefined;
    if (this.enterObject())
      do {
        let index = known.indexAt(this.units, this.at + 1);
        if (index >= 0 && this.units[this.at] === 34) {
          this.at += known.names[index]!.length + 2;
          this.colon();
        } else {
          // A name may also be known in an escaped spelling.
          const key = this.key();
          index = known.names.indexOf(key);
          if (index < 0) {
            others ??= new Set();
            if (others.has(key)) this.duplicate(key);
            others.add(key);
            this.value();
            continue;
          }
        }
        if ((seen & (1 << index)) !== 0) this.duplicate(known.names[index]!);
        seen |= 1 << index;
        const nested = this.units[this.at] === 123 ? known.nested[known.names[index]!] : undefined;
        values[index] = nested === undefined ? this.value() : this.members(nested);
      } while (this.nextMember());
    return new Members(values);
  }

  private colon(): void {
    this.skipSpace();
    if (this.units[this.at] !== 58) this.unexpected('":"');
    this.at += 1;
    this.skipSpace();
  }

  /** Behind a member's value: true when another member follows, false when the object ended. */
  private nextMember(): boolean {
    return this.next(125);
  }

  private duplicate(key: string): never {
    throw new JsonError(
      'json_duplicate_key',
      `The member name ${JSON.stringify(key)} occurs twice`,
      this.at,
    );
  }

  private object(): { [key: string]: JsonTree } {
    const object: { [key: string]: JsonTree } = {};
    if (this.enterObject())
      do {
        const key = this.key();
        if (Object.hasOwn(object, key)) this.duplicate(key);
        const value = this.value();
        // An assignment to `__proto__` would set the prototype instead of a member.
        if (key === '__proto__')
          Object.defineProperty(object, key, {
            value,
            enumerable: true,
            configurable: true,
            writable: true,
          });
        else object[key] = value;
      } while (this.nextMember());
    return object;
  }

  private array(): JsonTree[] {
    this.enter(91, 'an array');
    const items: JsonTree[] = [];
    if (this.units[this.at] === 93) {
      this.at += 1;
      this.depth -= 1;
      return items;
    }
    do items.push(this.value());
    while (this.next(93));
    return items;
  }

  private enter(opening: number, what: string): void {
    if (this.units[this.at] !== opening) this.unexpected(what);
    this.depth += 1;
    if (this.depth > MAX_JSON_DEPTH)
      throw new JsonError('json_too_deep', `Nested deeper than ${MAX_JSON_DEPTH} levels`, this.at);
    this.at += 1;
    this.skipSpace();
  }

  private next(closing: number): boolean {
    this.skipSpace();
    const unit = this.units[this.at];
    if (unit === 44) {
      this.at += 1;
      this.skipSpace();
      return true;
    }
    if (unit !== closing) this.unexpected(`"," or "${String.fromCharCode(closing)}"`);
    this.at += 1;
    this.depth -= 1;
    return false;
  }

  private skipSpace(): void {
    const units = this.units;
    let at = this.at;
    let unit = units[at]!;
    if (unit > 32) return;
    while (unit === 32 || unit === 10 || unit === 13 || unit === 9) unit = units[++at]!;
    this.at = at;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.unexpected('a JSON value');
    this.at += word.length;
    return value;
  }

  private string(): string {
    const units = this.units;
    const start = this.at + 1;
    let at = start;
    let unit = units[at]!;
    while (unit >= 32 && unit < 127 && unit !== 34 && unit !== 92) unit = units[++at]!;
    if (unit === 34) {
      this.at = at + 1;
      return this.text.slice(start, at);
    }
    return this.unusualString(start);
  }

  /** A string with escapes or with characters beyond ASCII. */
  private unusualString(start: number): string {
    this.plain = false;
    const { text, units } = this;
    let at = start;
    let done = start;
    let out = '';
    let surrogates = false;
    for (;;) {
      const unit = units[at]!;
      if (unit === 34) break;
      if (unit === 92) {
        out += text.slice(done, at);
        const escaped = this.escape(at);
        if (escaped.charCodeAt(0) >= 0xd800 && escaped.charCodeAt(0) <= 0xdfff) surrogates = true;
        out += escaped;
        at += units[at + 1] === 117 ? 6 : 2;
        done = at;
        continue;
      }
      if (at >= text.length) throw new JsonError('json_syntax', 'The string does not end', at);
      if (unit < 32)
        throw new JsonError('json_control_character', 'A control character must be escaped', at);
      if (unit >= 0xd800 && unit <= 0xdfff) surrogates = true;
      at += 1;
    }
    out += text.slice(done, at);
    this.at = at + 1;
    if (surrogates && hasLoneSurrogate(out))
      throw new JsonError('json_lone_surrogate', 'Half a surrogate pair in the string', start);
    return out;
  }

  private escape(at: number): string {
    const unit = this.units[at + 1]!;
    const simple = SIMPLE_ESCAPES[this.text[at + 1] ?? ''];
    if (simple !== undefined) return simple;
    const hex = this.text.slice(at + 2, at + 6);
    if (unit !== 117 || !/^[0-9a-fA-F]{4}$/.test(hex))
      throw new JsonError('json_bad_escape', 'Not an escape JSON knows', at);
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private number(): number | JsonNumber {
    const literal = this.literal();
    if (this.numbers === 'literal') return new JsonNumber(literal);
    const value = Number(literal);
    if (!Number.isFinite(value))
      throw new JsonError('json_number_overflow', `${brief(literal)} is beyond a double`, this.at);
    const mustBeExact =
      this.numbers === 'exact' || isIntegral(literal) || value === 0 || Number.isInteger(value);
    if (mustBeExact && !isExactDouble(literal))
      throw new JsonError(
        'json_number_precision',
        `${brief(literal)} would be read as ${value}; send it as a string, or with the digits a double keeps,`,
        this.at,
      );
    return value;
  }

  /** `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?` */
  private literal(): string {
    const units = this.units;
    const start = this.at;
    let at = start;
    let unit = units[at]!;
    if (unit === 45) unit = units[++at]!;
    if (unit === 48) unit = units[++at]!;
    else {
      if (!(unit >= 49 && unit <= 57)) this.unexpected('a JSON value', at);
      while (unit >= 48 && unit <= 57) unit = units[++at]!;
    }
    if (unit === 46) {
      unit = units[++at]!;
      if (!(unit >= 48 && unit <= 57)) this.unexpected('a digit', at);
      while (unit >= 48 && unit <= 57) unit = units[++at]!;
    }
    if (unit === 101 || unit === 69) {
      unit = units[++at]!;
      if (unit === 43 || unit === 45) unit = units[++at]!;
      if (!(unit >= 48 && unit <= 57)) this.unexpected('a digit', at);
      while (unit >= 48 && unit <= 57) unit = units[++at]!;
    }
    this.at = at;
    return this.text.slice(start, at);
  }

  private unexpected(wanted: string, at = this.at): never {
    const got = at < this.text.length ? JSON.stringify(this.text[at]) : 'the end of the text';
    throw new JsonError('json_syntax', `Expected ${wanted}, got ${got}`, at);
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string | undefined>> = Object.freeze(
  Object.assign(Object.create(null) as Record<string, string>, {
    '"': '"',
    '\\': '\\',
    '/': '/',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
  }),
);

function brief(literal: string): string {
  return literal.length <= 40 ? literal : `${literal.slice(0, 40)}…`;
}
