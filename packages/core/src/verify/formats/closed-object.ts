import type { JsonTree } from '../json/reader.js';
import { FormatError } from './format.js';

/** One member of a closed object: whether it may be absent, and what is wrong with a value, if anything. */
export interface MemberRule {
  readonly required: boolean;
  /** Undefined when fine, else what the member must be. */
  wrong(value: JsonTree): string | undefined;
}

export type ClosedSchema = Readonly<Record<string, MemberRule>>;

/** Checks an object against a schema that knows all its members. Throws `FormatError` at the first deviation. */
export function checkClosedObject(
  value: JsonTree,
  schema: ClosedSchema,
): { readonly [key: string]: JsonTree } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError('model_type', 'The document must be a JSON object');
  const object = value as { readonly [key: string]: JsonTree };
  for (const key of Object.keys(object)) {
    const rule = Object.hasOwn(schema, key) ? schema[key] : undefined;
    if (rule === undefined)
      throw new FormatError(
        'unknown_member',
        `The format has no member ${JSON.stringify(key)}`,
        key,
      );
    const wrong = rule.wrong(object[key]!);
    if (wrong !== undefined)
      throw new FormatError('member_invalid', `${key} must be ${wrong}`, key);
  }
  for (const key in schema)
    if (schema[key]!.required && !Object.hasOwn(object, key))
      throw new FormatError('missing', `${key} is missing`, key);
  return object;
}

export function text(pattern: RegExp, what: string): (value: JsonTree) => string | undefined {
  return (value) => (typeof value === 'string' && pattern.test(value) ? undefined : what);
}

export function oneOf(...words: readonly string[]): (value: JsonTree) => string | undefined {
  return (value) =>
    typeof value === 'string' && words.includes(value)
      ? undefined
      : words.map((word) => `"${word}"`).join(' or ');
}

export const count = (value: JsonTree): string | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? undefined
    : 'an integer from 0 to 2^53 − 1';

export function required(wrong: MemberRule['wrong']): MemberRule {
  return { required: true, wrong };
}

export function optional(wrong: MemberRule['wrong']): MemberRule {
  return { required: false, wrong };
}
