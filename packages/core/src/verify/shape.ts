import { fromBase64, fromHex } from './bytes.js';

/** A document of ours that does not have its one allowed shape. `path` is where. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  readonly code = 'bad_shape';

  constructor(
    readonly path: string,
    message: string,
  ) {
    super(`${path}: ${message}`);
  }
}

/** Reads the members of one object of a closed schema: what is not asked for must not be there. */
export class Shape {
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    readonly path: string,
    required: readonly string[],
    optional: readonly string[] = [],
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new ShapeError(path, 'is not an object');
    this.#members = value as Record<string, unknown>;
    for (const key of required)
      if (!Object.hasOwn(value, key)) throw new ShapeError(`${path}.${key}`, 'is missing');
    for (const key of Object.keys(value))
      if (!required.includes(key) && !optional.includes(key))
        throw new ShapeError(`${path}.${key.slice(0, 100)}`, 'is not a known member');
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#members, key);
  }

  raw(key: string): unknown {
    return this.#members[key];
  }

  text(key: string, maxLength: number): string {
    const value = this.#members[key];
    if (typeof value !== 'string' || value.length === 0 || value.length > maxLength)
      return this.#refuse(key, `is not a string of 1 … ${maxLength} characters`);
    return value;
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T {
    const value = allowed.find((one) => one === this.#members[key]);
    return value ?? this.#refuse(key, `is not one of ${allowed.join(', ')}`);
  }

  count(key: string): number {
    const value = this.#members[key];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      return this.#refuse(key, 'is not an integer 0 … 2^53 - 1');
    return value;
  }

  /** Lower-case hex of a number of bytes between `least` and `most`. */
  hex(key: string, least: number, most = least): Uint8Array {
    return hexOf(this.#members[key], `${this.path}.${key}`, least, most);
  }

  base64(key: string, least: number, most = least): Uint8Array {
    const value = this.#members[key];
    if (typeof value === 'string' && value.length <= Math.ceil(most / 3) * 4) {
      try {
        const bytes = fromBase64(value);
        if (bytes.length >= least && bytes.length <= most) return bytes;
      } catch {
        // Told below with the same words.
      }
    }
    return this.#refuse(key, `is not base64 of ${least} … ${most} bytes`);
  }

  list<T>(key: string, most: number, read: (item: unknown, path: string) => T): T[] {
    const value = this.#members[key];
    if (!Array.isArray(value) || value.length > most)
      return this.#refuse(key, `is not a list of at most ${most} items`);
    return value.map((item, i) => read(item, `${this.path}.${key}[${i}]`));
  }

  /** A list of 32-byte hashes in hex. */
  path32(key: string, most: number): Uint8Array[] {
    return this.list(key, most, (item, path) => hexOf(item, path, 32, 32));
  }

  #refuse(key: string, message: string): never {
    throw new ShapeError(`${this.path}.${key}`, message);
  }
}

function hexOf(value: unknown, path: string, least: number, most: number): Uint8Array {
  if (
    typeof value !== 'string' ||
    value.length < 2 * least ||
    value.length > 2 * most ||
    !/^(?:[0-9a-f]{2})*$/.test(value)
  )
    throw new ShapeError(path, `is not lower-case hex of ${least} … ${most} bytes`);
  return fromHex(value);
}
