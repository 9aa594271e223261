/** Both servers that Nest runs on; every test of the API runs on each. */
export const HOSTS = ['fastify', 'express'] as const;
export type Host = (typeof HOSTS)[number];

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the body is not JSON. */
  readonly json: any;
}

/** One request, its answer read to the end. */
export async function ask(
  url: string,
  options: {
    readonly method?: string;
    readonly body?: string | Uint8Array | object;
    readonly type?: string;
    readonly key?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answer> {
  const { body, key, type = 'application/json', headers } = options;
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(url, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body === undefined ? {} : { 'content-type': type }),
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (isRaw ? body : JSON.stringify(body)) as string }),
  });
  const text = await response.text();
  const contentType = response.headers.get('content-type') ?? '';
  return {
    status: response.status,
    type: contentType,
    headers: response.headers,
    text,
    json: contentType.includes('json') ? (JSON.parse(text) as unknown) : undefined,
  };
}
