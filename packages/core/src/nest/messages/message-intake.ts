import type { Gateway } from '../../gateway/gateway.js';
import { senderOfKey } from '../../gateway/known-callers.js';
import type { IngestionMessage, Sender } from '../../ingestion/admit.js';
import { isRetryable } from '../../ingestion/commit-queue.js';
import { Refusal } from '../../ingestion/refusal.js';
import type { MessageRules } from '../../plugins/index.js';
import type { IngestItem } from '../../spi/index.js';
import { decodeJson } from '../../verify/index.js';
import { binaryOf, contentTypeOf } from './content-type.js';
import type { Delivery } from './delivery.js';
import { readPayload } from './payload.js';
import type { Identity } from '../tokens.js';
import { SUBMIT_LOGS } from './subjects.js';

/** What a sender that waits is told. `items`: each is durable or refused for good. `retry`: nothing was kept. */
export type SubmitAnswer =
  | { readonly kind: 'items'; readonly items: readonly IngestItem[] }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'retry'; readonly code: string; readonly retryAfterMs: number };

/** What came of one message, and its bytes as far as they could be told. */
export interface Taken {
  readonly answer: SubmitAnswer;
  readonly bytes: Uint8Array;
}

/** What a sender is told to wait when the pipeline itself does not say. */
const RETRY_AFTER_MS = 1000;

/** Between transporters and the pipeline: the same limits, verdicts and refusals as over HTTP. */
export class MessageIntake {
  private underWay = 0;

  constructor(
    private readonly gateway: Pick<Gateway, 'ingestion'>,
    private readonly identity: Identity,
    private readonly rules: Pick<MessageRules, 'requireApiKey' | 'maxUnderWay'>,
  ) {}

  /** Resolves after commit. Rejects only with what is nobody's fault but the gateway's. */
  async take(subject: string, data: unknown, delivery: Delivery): Promise<Taken> {
    const payload = readPayload(data);
    if (payload instanceof Refusal) return { answer: refused(payload), bytes: asSent(data) };
    const contentType = contentTypeOf(payload.bytes, delivery.contentType ?? payload.contentType);
    const bytes = contentType === 'application/cose' ? binaryOf(payload.bytes) : payload.bytes;
    if (this.underWay >= this.rules.maxUnderWay) return { answer: this.later('throttled'), bytes };
    this.underWay += 1;
    try {
      const sender = await this.senderOf(delivery.apiKey ?? payload.apiKey);
      if (sender instanceof Refusal) return { answer: refused(sender), bytes };
      const from = { assurance: 'unsigned' as const, source: delivery.source, ...sender };
      const answer = await this.ingest(subject, { contentType, bytes, ...from });
      return { answer, bytes };
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return { answer: this.later('store_unavailable'), bytes };
    } finally {
      this.underWay -= 1;
    }
  }

  private async ingest(subject: string, message: IngestionMessage): Promise<SubmitAnswer> {
    const { ingestion } = this.gateway;
    if (subject !== SUBMIT_LOGS) {
      const answer = await ingestion.accept(message);
      return answer.kind === 'items' ? { kind: 'items', items: answer.items } : answer;
    }
    if (message.contentType !== 'application/json')
      return refused(new Refusal('content_type_unknown', `${SUBMIT_LOGS} takes application/json`));
    const { bytes, contentType: _json, ...sender } = message;
    const text = textOf(bytes);
    if (text instanceof Refusal) return refused(text);
    const answer = await ingestion.acceptLog(text, sender);
    return answer.kind === 'item' ? { kind: 'items', items: [answer.item] } : answer;
  }

  private async senderOf(apiKey: string | undefined): Promise<Sender | Refusal> {
    if (apiKey === undefined) {
      if (!this.rules.requireApiKey) return {};
      return new Refusal(
        'api_key_required',
        'send a key in the header x-api-key, or as apiKey beside payload',
      );
    }
    const principal = await this.identity.identify({ 'x-api-key': apiKey });
    return principal === undefined
      ? new Refusal('api_key_invalid', 'the key is unknown, expired or revoked')
      : senderOfKey(principal);
  }

  private later(code: 'throttled' | 'store_unavailable'): SubmitAnswer {
    return { kind: 'retry', code, retryAfterMs: RETRY_AFTER_MS };
  }
}

function textOf(bytes: Uint8Array): string | Refusal {
  try {
    return decodeJson(bytes);
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    return new Refusal(code ?? 'json_utf8', message);
  }
}

function refused({ code, detail }: Refusal): SubmitAnswer {
  return { kind: 'refused', code, detail };
}

function asSent(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  return Buffer.from(typeof data === 'string' ? data : '');
}
