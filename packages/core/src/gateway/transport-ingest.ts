import type { Sender } from '../ingestion/admit.js';
import { isRetryable } from '../ingestion/commit-queue.js';
import type { IngestionService } from '../ingestion/ingestion.service.js';
import type { Caller, InboundMessage, Ingest, IngestAnswer } from '../spi/index.js';

/** What a transport may say stands behind readings without a signature. */
const VOUCHED: readonly string[] = ['transport', 'reader', 'import'];
const RETRY_AFTER_MS = 1000;

/**
 * Ingestion as a transport sees it: the one place where what a plugin says of a sender becomes what ingestion believes.
 * Whom a message is from, the gateway asks itself; nothing else that the plugin wrote into the message counts.
 */
export function transportIngest(
  ingestion: Pick<IngestionService, 'accept'>,
  callers: { senderOf(caller: Caller): Promise<Sender | undefined> },
): Ingest {
  return {
    async accept(message: InboundMessage, signal?: AbortSignal): Promise<IngestAnswer> {
      const { contentType, bytes, caller, assurance, vouchesFor, source } = message;
      let sender: Sender | undefined = {};
      try {
        if (caller !== undefined) sender = await callers.senderOf(caller);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        return { kind: 'retry', code: 'store_unavailable', retryAfterMs: RETRY_AFTER_MS };
      }
      if (sender === undefined)
        return {
          kind: 'refused',
          code: 'caller_invalid',
          detail:
            'what the sender was known by was revoked, has expired, or was never the gateway’s; connect again with a valid credential',
        };
      return ingestion.accept(
        {
          contentType,
          bytes,
          assurance: VOUCHED.includes(assurance) ? assurance : 'unsigned',
          ...(vouchesFor === undefined ? {} : { vouchesFor: [...vouchesFor] }),
          ...(source === undefined ? {} : { source }),
          ...sender,
        },
        signal,
      );
    },
  };
}
