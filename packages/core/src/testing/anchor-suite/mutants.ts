import type { JsonValue } from '../../spi/index.js';

export interface Mutant {
  /** Where it differs, as a JSON path. */
  readonly path: string;
  readonly value: JsonValue;
}

/** Every copy of a JSON value that differs in one leaf, or has one member more. */
export function* mutantsOf(value: JsonValue, path = '$'): Generator<Mutant> {
  if (typeof value === 'string') {
    if (value.length === 0) yield { path, value: '00' };
    else {
      for (const at of new Set([0, Math.floor(value.length / 2), value.length - 1]))
        yield {
          path: `${path}[char ${at}]`,
          value: value.slice(0, at) + otherDigit(value[at] as string) + value.slice(at + 1),
        };
    }
  } else if (typeof value === 'number') yield { path, value: value + 1 };
  else if (typeof value === 'boolean') yield { path, value: !value };
  else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly JsonValue[]).entries())
      for (const mutant of mutantsOf(item, `${path}[${index}]`))
        yield { path: mutant.path, value: value.toSpliced(index, 1, mutant.value) };
    yield { path: `${path}[+]`, value: [...(value as readonly JsonValue[]), '00'] };
    if (value.length > 0) yield { path: `${path}[-]`, value: value.slice(1) as JsonValue };
  } else if (value !== null) {
    for (const [key, member] of Object.entries(value))
      for (const mutant of mutantsOf(member, `${path}.${key}`))
        yield { path: mutant.path, value: { ...value, [key]: mutant.value } };
    yield { path: `${path}.+`, value: { ...value, unexpected: '00' } };
  }
}

/** A different character that hex and base64 both allow, so that the value changes and not its well-formedness. */
const otherDigit = (digit: string): string =>
  digit === '0' ? '1' : /[1-9]/.test(digit) ? '0' : digit === 'a' ? 'b' : 'a';
