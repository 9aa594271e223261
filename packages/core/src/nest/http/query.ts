import { Problem } from './problem.js';

/** Entries of a list page when `limit` is left out, and the most one may ask for. */
export const PAGE_LIMIT = { default: 100, max: 1000 } as const;

export type Query = Readonly<Record<string, unknown>>;

/** One text parameter; repeated or nested ones are refused. */
export function text(query: Query, name: string, maxLength = 1024): string | undefined {
  const value = query[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw new Problem(
    400,
    'query_invalid',
    `Query parameter "${name}" must be given once and have at most ${maxLength} characters.`,
  );
}

export function integer(
  query: Query,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly default?: number },
): number {
  const value = text(query, name);
  if (value === undefined && bounds.default !== undefined) return bounds.default;
  const number = /^\d{1,15}$/.test(value ?? '') ? Number(value) : NaN;
  if (number >= bounds.min && number <= bounds.max) return number;
  throw new Problem(
    400,
    'query_invalid',
    `Query parameter "${name}" must be an integer from ${bounds.min} to ${bounds.max}, got ${value === undefined ? 'none' : `"${value}"`}.`,
  );
}

export function oneOf<T extends string>(
  query: Query,
  name: string,
  values: readonly T[],
): T | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  if ((values as readonly string[]).includes(value)) return value as T;
  throw new Problem(
    400,
    'query_invalid',
    `Query parameter "${name}" must be one of ${values.join(', ')}; got "${value}".`,
  );
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** An instant as RFC 3339, in milliseconds since 1970 UTC. */
export function instantMs(query: Query, name: string): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const ms = RFC_3339.test(value) ? Date.parse(value) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new Problem(
    400,
    'query_invalid',
    `Query parameter "${name}" must be an RFC 3339 instant such as 2025-12-01T10:10:00Z, got "${value}".`,
  );
}

export function pageQuery(query: Query): { readonly limit: number; readonly cursor?: string } {
  const limit = integer(query, 'limit', {
    min: 1,
    max: PAGE_LIMIT.max,
    default: PAGE_LIMIT.default,
  });
  const cursor = text(query, 'cursor');
  return cursor === undefined ? { limit } : { limit, cursor };
}

/** Pages of a list that are asked for by number: at most so many readings lie before one. */
const MAX_SKIPPED = 100_000;

/** `page` (from 1) and `page_size` of clients that count pages; undefined when neither was given, unless they `must` be counted. */
export function numberedPage(
  query: Query,
  must: boolean,
): { readonly page: number; readonly limit: number; readonly skip: number } | undefined {
  const counted =
    must || text(query, 'page') !== undefined || text(query, 'page_size') !== undefined;
  if (!counted) return undefined;
  if (text(query, 'cursor') !== undefined || text(query, 'limit') !== undefined)
    throw new Problem(
      400,
      'query_invalid',
      'Ask for pages by `page` and `page_size`, or by `limit` and `cursor` in the order of submission.',
    );
  const limit = integer(query, 'page_size', { min: 1, max: 100, default: 20 });
  const max = Math.floor(MAX_SKIPPED / limit) + 1;
  const page = integer(query, 'page', { min: 1, max, default: 1 });
  return { page, limit, skip: (page - 1) * limit };
}

/** `Link: <…>; rel="next"` for the page after this one. */
export function nextPageLink(url: string, page: number): Record<string, string> {
  const [path = '', search = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(search);
  parameters.set('page', String(page + 1));
  return { link: `<${path}?${parameters.toString()}>; rel="next"` };
}

/** `Link: <…>; rel="next"` for the same list behind `cursor` (RFC 8288). */
export function nextLink(url: string, cursor: string | undefined): Record<string, string> {
  if (cursor === undefined) return {};
  const [path = '', search = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(search);
  parameters.set('cursor', cursor);
  return { link: `<${path}?${parameters.toString()}>; rel="next"` };
}
