import type { Readable } from 'node:stream';
import { Problem, retryLater } from './problem.js';

/** Content types whose bytes reach the controllers unparsed: strict JSON is read from the text. */
export const RAW_CONTENT_TYPES = ['application/json', 'application/x-ndjson'] as const;

/** What messages with readings come in: besides JSON one COSE_Sign1, or one OCMF record. */
export const MESSAGE_CONTENT_TYPES = [
  ...RAW_CONTENT_TYPES,
  'application/cose',
  'text/plain',
] as const;

/** What files of readings come in, part by part. */
export const IMPORT_CONTENT_TYPES = ['text/csv', 'application/x-ndjson'] as const;

/**
 * Stands where the body would be when it was refused while it came in. The refusal is thrown inside the
 * controller, so it takes the one way every other error takes on both hosts.
 */
export class RefusedBody {
  constructor(readonly problem: Problem) {}
}

const tooLarge = (maxBytes: number): RefusedBody =>
  new RefusedBody(
    new Problem(
      413,
      'message_too_large',
      `The body is larger than ${maxBytes} bytes. Send the readings in several requests.`,
      // What is left of the body is not worth reading.
      { connection: 'close' },
    ),
  );

interface IncomingBody extends Readable {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A body that is still coming in. */
interface Receiving {
  bytes: number;
  giveUp(): void;
}

/**
 * Bodies that are coming in, bounded together. When they hold more, the one that has been coming for longest is given
 * up: who sends a byte now and then gives way to who sends, and never the other way round.
 */
export class BodiesComingIn {
  private readonly open = new Set<Receiving>();
  private held = 0;

  constructor(private readonly maxBytes: number) {}

  get heldBytes(): number {
    return this.held;
  }

  begin(giveUp: () => void): Receiving {
    const receiving = { bytes: 0, giveUp };
    this.open.add(receiving);
    return receiving;
  }

  grow(receiving: Receiving, bytes: number): void {
    receiving.bytes += bytes;
    this.held += bytes;
    for (const oldest of this.open) {
      if (this.held <= this.maxBytes) return;
      oldest.giveUp();
    }
  }

  end(receiving: Receiving): void {
    if (this.open.delete(receiving)) this.held -= receiving.bytes;
  }
}

const givenUp = (): RefusedBody =>
  new RefusedBody(
    retryLater(
      429,
      'throttled',
      'Too many bodies are coming in, and this one took longest. Nothing was kept; send it again.',
      1000,
      { connection: 'close' },
    ),
  );

/** Reads a body up to the limit. Rejects only when the connection breaks, with a `Problem`: nobody failed but who sent it. */
export function readBody(
  incoming: IncomingBody,
  maxBytes: number,
  comingIn: BodiesComingIn,
): Promise<Buffer | RefusedBody> {
  const { headers } = incoming;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return Promise.resolve(
      new RefusedBody(
        new Problem(
          415,
          'content_encoding_unsupported',
          'Content-Encoding is not supported. Send the body uncompressed.',
        ),
      ),
    );
  }
  if (Number(headers['content-length']) > maxBytes) return Promise.resolve(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (result: Buffer | RefusedBody): void => {
      incoming.off('data', onData).off('end', onEnd).off('error', onError);
      comingIn.end(receiving);
      resolve(result);
    };
    const refuse = (refusal: RefusedBody): void => {
      incoming.pause();
      chunks.length = 0;
      finish(refusal);
    };
    const receiving = comingIn.begin(() => refuse(givenUp()));
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) {
        refuse(tooLarge(maxBytes));
        return;
      }
      chunks.push(chunk);
      comingIn.grow(receiving, chunk.length);
    };
    const onError = ({ message }: Error): void => {
      comingIn.end(receiving);
      reject(
        new Problem(
          400,
          'body_incomplete',
          `The connection broke before the body had come (${message}). Nothing was kept; send it again.`,
        ),
      );
    };
    const onEnd = (): void => {
      const [only] = chunks;
      finish(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length));
    };
    incoming.once('close', () => comingIn.end(receiving));
    incoming.on('data', onData).once('end', onEnd).once('error', onError);
  });
}

export interface RequestWithBody {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
  /** Nest's own, under `rawBody: true`. */
  readonly rawBody?: unknown;
}

/** The bytes of the request's body as they came over the wire; none when the request had no body. Throws 415 for a type that is none of `types`. */
export function bodyBytes(
  request: RequestWithBody,
  types: readonly string[] = RAW_CONTENT_TYPES,
): Uint8Array {
  const { body, rawBody } = request;
  if (body instanceof RefusedBody) throw body.problem;
  const bytes = body instanceof Uint8Array ? body : rawBody;
  if (!(bytes instanceof Uint8Array) && !hasBody(request.headers)) return new Uint8Array(0);
  const type = contentType(request);
  if (type === undefined || !types.includes(type)) {
    throw new Problem(
      415,
      'content_type_unknown',
      `Content-Type must be ${types.join(' or ')}, got ${type === undefined ? 'none' : `"${type}"`}.`,
    );
  }
  if (bytes instanceof Uint8Array) return bytes;
  throw new Problem(
    500,
    'raw_body_missing',
    'The host parsed the body before Wattproof could read its bytes. Call prepareHttpApp(app) before app.listen(), or create the application with { rawBody: true }.',
  );
}

/** Whether a request says that a body follows (RFC 9112 §6). */
export function hasBody(headers: RequestWithBody['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Media type in lower case without parameters; undefined when none was sent. */
export function contentType(request: RequestWithBody): string | undefined {
  const header = request.headers['content-type'];
  if (typeof header !== 'string' || header === '') return undefined;
  const semicolon = header.indexOf(';');
  return (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase();
}
