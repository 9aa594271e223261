import type { DomainEvent, JsonObject } from '../../spi/index.js';

/** What is left of an event's data when the entry it speaks of was erased. */
export function erasedData(data: JsonObject): JsonObject {
  const { entry, account } = data;
  return {
    ...(entry === undefined ? {} : { entry }),
    ...(account === undefined ? {} : { account }),
    erased: true,
  };
}

/** An event as it is sent: JSON in UTF-8. */
export function bodyOf({ id, type, atMs, data }: DomainEvent): string {
  return JSON.stringify({ id, type, at: new Date(atMs).toISOString(), data });
}

/** The event of a body. */
export function eventOf(body: string): Omit<DomainEvent, 'id'> {
  const { type, at, data } = JSON.parse(body) as Record<'type' | 'at', string> & {
    readonly data: JsonObject;
  };
  return { type, atMs: Date.parse(at), data };
}

/** The same body when the entry was erased. */
export function erasedBody(body: string): string {
  const { data, ...rest } = JSON.parse(body) as { readonly data: JsonObject };
  return JSON.stringify({ ...rest, data: erasedData(data) });
}
