import type { z } from 'zod';
import { decodeJson, parseJson } from '../../verify/json/parse.js';
import { Problem } from './problem.js';
import { bodyBytes, contentType, type RequestWithBody } from './raw-body.js';

/** U+0000 as JSON can write it, which PostgreSQL's text cannot hold; unescaped it is no JSON. */
const ESCAPED_NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/**
 * A small JSON body checked against a schema. Strict JSON first (duplicate keys, lone surrogates), so
 * that no two readers of the same bytes see different things; every problem is told at once. A route that needs no key
 * states `maxBytes`: a megabyte of JSON keeps a strict reader busy for most of a second.
 */
export function jsonBody<Schema extends z.ZodType>(
  request: RequestWithBody,
  schema: Schema,
  maxBytes = Number.POSITIVE_INFINITY,
): z.output<Schema> {
  const text = jsonText(request, maxBytes);
  parseJson(text);
  return checked(JSON.parse(text), schema);
}

/** The same with every number as a `JsonNumber`: the digits that were sent, none of them rounded. */
export function literalBody<Schema extends z.ZodType>(
  request: RequestWithBody,
  schema: Schema,
  maxBytes: number,
): z.output<Schema> {
  return checked(parseJson(jsonText(request, maxBytes), 'literal'), schema);
}

/** The text of a JSON body; a body that was left out says `{}`. */
function jsonText(request: RequestWithBody, maxBytes: number): string {
  const bytes = bodyBytes(request);
  if (bytes.length > maxBytes) {
    throw new Problem(
      413,
      'message_too_large',
      `The body has ${bytes.length} bytes, at most ${maxBytes} are taken here.`,
    );
  }
  if (bytes.length === 0) return '{}';
  if (contentType(request) !== 'application/json') {
    throw new Problem(415, 'content_type_unknown', 'Content-Type must be application/json.');
  }
  const text = decodeJson(bytes);
  if (ESCAPED_NUL.test(text))
    throw new Problem(400, 'body_invalid', 'body: holds U+0000, which no id and no text here has');
  return text;
}

function checked<Schema extends z.ZodType>(value: unknown, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
  }));
  throw new Problem(
    400,
    'body_invalid',
    problems.map(({ path, message }) => `${path === '' ? 'body' : path}: ${message}`).join('; '),
    {},
    { problems },
  );
}
