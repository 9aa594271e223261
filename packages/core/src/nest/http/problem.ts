/**
 * A refusal as RFC 9457 `application/problem+json`: `code` is for programs and never changes, `detail`
 * is for the person who has to do something about it.
 */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
    /** Extension members of the problem document. */
    readonly members: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export function problemBody(problem: Problem): string {
  return JSON.stringify({
    type: 'about:blank',
    title: TITLES[problem.status] ?? 'Error',
    status: problem.status,
    code: problem.code,
    detail: problem.detail,
    ...problem.members,
  });
}

export const notFound = (code: string, detail: string): Problem => new Problem(404, code, detail);

/** 429 and 503 always say when to come back; whole seconds, rounded up, at least one. */
export function retryLater(
  status: 429 | 503,
  code: string,
  detail: string,
  retryAfterMs: number,
  headers: Readonly<Record<string, string>> = {},
): Problem {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new Problem(status, code, detail, { ...headers, 'retry-after': String(seconds) });
}
