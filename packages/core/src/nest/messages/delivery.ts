import {
  KafkaContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { WireMessage } from './wire-message.js';

/** What the transporter says about one message, beside its data. */
export interface Delivery {
  /** `nats wattproof.readings.submit`: where it came over, for dead letters and for counting unsigned readings. */
  readonly source: string;
  readonly apiKey?: string;
  readonly contentType?: string;
  /** Whether the sender is told the answer; undefined: this transporter does not say. */
  readonly answered?: boolean;
}

/** Header names, in any case. */
const API_KEY = 'x-api-key';
const CONTENT_TYPE = 'content-type';

/** Finds key, content type and who waits in the context that Nest hands to a handler. */
export function deliveryOf(subject: string, data: unknown, context: unknown): Delivery {
  const waits = data instanceof WireMessage ? { answered: data.answered } : {};
  if (context instanceof NatsContext) {
    const headers = context.getHeaders() as Iterable<[string, string[]]> | undefined;
    return { source: `nats ${context.getSubject()}`, ...named(headers ?? []), ...waits };
  }
  if (context instanceof RmqContext) {
    const { properties, fields } = context.getMessage() as unknown as AmqpMessage;
    const { contentType, replyTo } = properties;
    // Nest's client says application/json of nothing; what AMQP says is what the body is in.
    const type = contentType === undefined || contentType === '' ? {} : { contentType };
    return {
      source: `rabbitmq ${fields?.routingKey ?? subject}`,
      ...type,
      ...named(Object.entries(properties.headers ?? {})),
      answered: replyTo !== undefined && replyTo !== '',
    };
  }
  if (context instanceof KafkaContext) {
    const headers = Object.entries(context.getMessage().headers ?? {});
    return { source: `kafka ${context.getTopic()}`, ...named(headers), ...waits };
  }
  if (context instanceof RedisContext)
    return { source: `redis ${context.getChannel()}`, ...ofMetadata(context), ...waits };
  if (context instanceof TcpContext)
    return { source: `tcp ${subject}`, ...ofMetadata(context), ...waits };
  return { source: subject, ...waits };
}

interface AmqpMessage {
  readonly properties: {
    readonly contentType?: string;
    readonly replyTo?: string;
    readonly headers?: Readonly<Record<string, unknown>>;
  };
  readonly fields?: { readonly routingKey?: string };
}

/** Where Nest's clients put what a protocol without headers has no place for. */
function ofMetadata(context: { getMetadata(): unknown }): Pick<Delivery, 'apiKey' | 'contentType'> {
  const metadata = context.getMetadata();
  return typeof metadata === 'object' && metadata !== null ? named(Object.entries(metadata)) : {};
}

/** Key and content type among headers; a header that is there twice counts by its first value. */
export function named(
  headers: Iterable<readonly [string, unknown]>,
): Pick<Delivery, 'apiKey' | 'contentType'> {
  const found: { apiKey?: string; contentType?: string } = {};
  for (const [name, value] of headers) {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    const text = first instanceof Uint8Array ? Buffer.from(first).toString('utf8') : first;
    if (typeof text !== 'string') continue;
    if (name.toLowerCase() === API_KEY) found.apiKey ??= text;
    if (name.toLowerCase() === CONTENT_TYPE) found.contentType ??= text;
  }
  return found;
}
