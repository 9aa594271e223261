import type { InboundMessage } from '../spi/index.js';
import type { CertifiedKey, DeviceKeySender } from './authenticate-connection.js';
import type { IngestionConfig } from './ingestion.config.js';
import { Refusal } from './refusal.js';

/** What the caller knows about the sender besides what the transport says. */
export interface Sender {
  /** Whom the host knows by the credential that came with the message. */
  readonly principal?: { readonly kind: 'device' | 'api-key'; readonly id: string };
  /** Account of that credential. */
  readonly accountId?: string;
  /** The credential is an operator's: it may send for the meters of every account. */
  readonly everyAccount?: boolean;
  /** Scopes of that credential; empty or absent means all that its role may. */
  readonly scopes?: readonly string[];
  /** A device key that came with the message: whatever it does not sign is its meter's. */
  readonly device?: DeviceKeySender;
  /** Of the client certificate that came with the connection, or the key that signed for it. */
  readonly certified?: CertifiedKey;
  /** Whose unsigned readings are counted together when no credential came: an address, a connection. */
  readonly source?: string;
}

export type IngestionMessage = InboundMessage & Sender;

// One decoder serves all: without `stream` it keeps nothing between calls.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const BYTE_ORDER_MARK = 0xfeff;

const CONTENT_TYPES: readonly string[] = [
  'application/json',
  'application/x-ndjson',
  'application/cose',
  'text/plain',
];

/** Step 1a: sizes, content type and scope. Undefined when the message may come in. */
export function refusalOf(message: IngestionMessage, config: IngestionConfig): Refusal | undefined {
  const { messageBytes } = config.limits;
  if (!CONTENT_TYPES.includes(message.contentType))
    return new Refusal('content_type_unknown', `send ${CONTENT_TYPES.join(', ')}`);
  if (message.bytes.length > messageBytes)
    return new Refusal(
      'message_too_large',
      `the message has ${message.bytes.length} bytes, at most ${messageBytes} are taken; send it in parts`,
    );
  if (message.bytes.length === 0)
    return new Refusal('message_empty', 'the message has no bytes; send one envelope or a list');
  const scopes = message.scopes ?? [];
  if (scopes.length > 0 && !scopes.includes('ingest'))
    return new Refusal('scope_missing', 'the key lacks the scope "ingest"');
  return undefined;
}

/** Step 1: the same, and encoding. Gives the text of the message. */
export function admit(message: IngestionMessage, config: IngestionConfig): string | Refusal {
  const refused = refusalOf(message, config);
  if (refused !== undefined) return refused;
  try {
    const text = decoder.decode(message.bytes);
    if (text.charCodeAt(0) !== BYTE_ORDER_MARK) return text;
    return new Refusal('json_bom', 'the message begins with a byte order mark; leave it out');
  } catch {
    return new Refusal('json_utf8', 'the message is not valid UTF-8 (RFC 3629)');
  }
}
