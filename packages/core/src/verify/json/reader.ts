import { JsonError } from './json-error.js';
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
 * keys, no lone surrogates, no byte order mark. Callers either take whole values or walk objects
 * member by member: `if (r.enterObject()) do { key = r.key(); … } while (r.nextMember())`.
 */
export class JsonReader {
  private at = 0;
  private depth = 0;
  /** True while every string read so far consisted of 0x20…0x7e without quote and backslash. */
  plain = true;

  constructor(
    private readonly text: string,
    private readonly numbers: NumberReading,
  ) {
    if (text.charCodeAt(0) === 0xfeff)
      throw new JsonError('json_bom', 'A byte order mark is not part of JSON', 0);
    this.skipSpace();
  }

  /** The first character of the next value, as a UTF-16 unit; NaN at the end. */
  peek(): number {
    return this.text.charCodeAt(this.at);
  }

  /** Fails unless nothing but white space is left. */
  end(): void {
    this.skipSpace();
    if (this.at < this.text.length)
      throw new JsonError('json_trailing_data', 'Something follows the JSON value', this.at);
  }

  value(): JsonTree {
    const unit = this.text.charCodeAt(this.at);
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
  enterObject(): boolean {
    this.enter(123, 'an object');
    if (this.text.charCodeAt(this.at) !== 125) return true;
    this.at += 1;
    this.depth -= 1;
    return false;
  }

  /** The next member's name; the reader then stands before its value. */
  key(): string {
    if (this.text.charCodeAt(this.at) !== 34) this.unexpected('a member name in quotes');
    const key = this.string();
    this.skipSpace();
    if (this.text.charCodeAt(this.at) !== 58) this.unexpected('":"');
    this.at += 1;
    this.skipSpace();
    return key;
  }

  /** Behind a member's value: true when another member follows, false when the object ended. */
  nextMember(): boolean {
    return this.next(125);
  }

  duplicate(key: string): never {
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
    if (this.text.charCodeAt(this.at) === 93) {
      this.at += 1;
      this.depth -= 1;
      return items;
    }
    do items.push(this.value());
    while (this.next(93));
    return items;
  }

  private enter(opening: number, what: string): void {
    if (this.text.charCodeAt(this.at) !== opening) this.unexpected(what);
    this.depth += 1;
    if (this.depth > MAX_JSON_DEPTH)
      throw new JsonError('json_too_deep', `Nested deeper than ${MAX_JSON_DEPTH} levels`, this.at);
    this.at += 1;
    this.skipSpace();
  }

  private next(closing: number): boolean {
    this.skipSpace();
    const unit = this.text.charCodeAt(this.at);
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
    const text = this.text;
    let at = this.at;
    let unit = text.charCodeAt(at);
    while (unit === 32 || unit === 10 || unit === 13 || unit === 9) unit = text.charCodeAt(++at);
    this.at = at;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.unexpected('a JSON value');
    this.at += word.length;
    return value;
  }

  private string(): string {
    const text = this.text;
    const start = this.at + 1;
    let at = start;
    let unit = text.charCodeAt(at);
    while (unit >= 32 && unit < 127 && unit !== 34 && unit !== 92) unit = text.charCodeAt(++at);
    if (unit === 34) {
      this.at = at + 1;
      return text.slice(start, at);
    }
    return this.unusualString(start);
  }

  /** A string with escapes or with characters beyond ASCII. */
  private unusualString(start: number): string {
    this.plain = false;
    const text = this.text;
    let at = start;
    let done = start;
    let out = '';
    let surrogates = false;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === 34) break;
      if (unit === 92) {
        out += text.slice(done, at);
        const escaped = this.escape(at);
        if (escaped.charCodeAt(0) >= 0xd800 && escaped.charCodeAt(0) <= 0xdfff) surrogates = true;
        out += escaped;
        at += text.charCodeAt(at + 1) === 117 ? 6 : 2;
        done = at;
        continue;
      }
      if (unit < 32)
        throw new JsonError('json_control_character', 'A control character must be escaped', at);
      if (Number.isNaN(unit)) throw new JsonError('json_syntax', 'The string does not end', at);
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
    const unit = this.text.charCodeAt(at + 1);
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
    const text = this.text;
    const start = this.at;
    let at = start;
    let unit = text.charCodeAt(at);
    if (unit === 45) unit = text.charCodeAt(++at);
    if (unit === 48) unit = text.charCodeAt(++at);
    else {
      if (!(unit >= 49 && unit <= 57)) this.unexpected('a JSON value', at);
      while (unit >= 48 && unit <= 57) unit = text.charCodeAt(++at);
    }
    if (unit === 46) {
      unit = text.charCodeAt(++at);
      if (!(unit >= 48 && unit <= 57)) this.unexpected('a digit', at);
      while (unit >= 48 && unit <= 57) unit = text.charCodeAt(++at);
    }
    if (unit === 101 || unit === 69) {
      unit = text.charCodeAt(++at);
      if (unit === 43 || unit === 45) unit = text.charCodeAt(++at);
      if (!(unit >= 48 && unit <= 57)) this.unexpected('a digit', at);
      while (unit >= 48 && unit <= 57) unit = text.charCodeAt(++at);
    }
    this.at = at;
    return text.slice(start, at);
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

/** True when some surrogate has no partner: such a string has no UTF-8 form (RFC 3629 §3). */
export function hasLoneSurrogate(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (unit >= 0xdc00 || !(next >= 0xdc00 && next <= 0xdfff)) return true;
    i += 1;
  }
  return false;
}
