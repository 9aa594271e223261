import { memberSpans, skipSpace, stringAt } from '../../ingestion/json-spans.js';
import { Refusal } from '../../ingestion/refusal.js';
import { WireMessage } from './wire-message.js';

/** What Nest's servers dispatch by: `id` when an answer is wanted. */
export interface NestPacket {
  readonly pattern: string;
  readonly id?: string;
  readonly data: WireMessage;
  /** What Nest's clients put beside the data where a protocol has no headers. */
  readonly metadata?: unknown;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The packet of Nest's clients, `{pattern, data, id?}`, with `data` as it was written; anything else is a message of a
 * sender without Nest: then all of it is the data, `subject` says what it is and `answerTo` whether an answer is wanted.
 */
export function nestPacket(bytes: Uint8Array, subject: string, answerTo?: string): NestPacket {
  const text = decoded(bytes);
  const packet = text === undefined ? undefined : packetOf(text);
  if (packet !== undefined) return packet;
  return {
    pattern: subject,
    ...(answerTo === undefined ? {} : { id: answerTo }),
    data: new WireMessage(bytes, answerTo !== undefined),
  };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(literal: string | undefined): unknown {
  try {
    return literal === undefined ? undefined : JSON.parse(literal);
  } catch {
    return undefined;
  }
}

/** Undefined when the text is no packet. */
export function packetOf(text: string): NestPacket | undefined {
  const start = skipSpace(text, 0);
  if (text[start] !== '{') return undefined;
  const members = memberSpans(text, start, text.trimEnd().length);
  if (members instanceof Refusal) return undefined;
  const of = (name: string): string | undefined => {
    const span = members.find((member) => member.name === name);
    return span === undefined ? undefined : text.slice(span.start, span.end);
  };
  const stringOf = (name: string): string | undefined => {
    const literal = of(name);
    const value = literal === undefined ? undefined : stringAt(literal, 0, literal.length);
    return typeof value === 'string' ? value : undefined;
  };
  const pattern = stringOf('pattern');
  if (pattern === undefined) return undefined;
  const id = stringOf('id');
  const metadata = parsed(of('metadata'));
  return {
    pattern,
    ...(id === undefined ? {} : { id }),
    data: new WireMessage(of('data') ?? '', id !== undefined),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
