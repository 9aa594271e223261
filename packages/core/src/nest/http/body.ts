import type { z } from 'zod';
import { decodeJson, parseJson } from '../../verify/json/parse.js';
import { Problem } from './problem.js';
import { bodyBytes, contentType, type RequestWithBody } from './raw-body.js';

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
  const bytes = bodyBytes(request);
  if (bytes.length > maxBytes) {
    throw new Problem(
      413,
      'message_too_large',
      `The body has ${bytes.length} bytes, at most ${maxBytes} are taken here.`,
    );
  }
  if (bytes.length > 0 && contentType(request) !== 'application/json') {
    throw new Problem(415, 'content_type_unknown', 'Content-Type must be application/json.');
  }
  let value: unknown = {};
  if (bytes.length > 0) {
    const text = decodeJson(bytes);
    parseJson(text);
    value = JSON.parse(text);
  }
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
