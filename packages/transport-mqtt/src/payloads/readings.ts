import type { InboundMessage } from '@wattproof/core/spi';
import type { InboundTopic } from '../topics/topic-maps.js';
import type { Act } from './act.js';
import { PayloadError } from './payload-error.js';

type ContentType = InboundMessage['contentType'];

const CONTENT_TYPES: readonly ContentType[] = [
  'application/json',
  'application/x-ndjson',
  'application/cose',
  'text/plain',
];
/** First bytes of a COSE_Sign1: tag 18, or its array of four without the tag (RFC 9052, 4.2). */
const COSE_STARTS: ReadonlySet<number> = new Set([0xd2, 0x84]);
const OCMF_HEAD = Buffer.from('OCMF|');

/**
 * Envelopes, as they came: signatures are over these bytes. MQTT 5 says what they are (`content type`); without it a COSE_Sign1 and
 * an OCMF record are known by their first bytes and anything else is JSON. NDJSON has to be said.
 */
export function readReadings(
  payload: Uint8Array,
  topic: InboundTopic,
  stated: string | undefined,
): Act[] {
  return [
    {
      kind: 'readings',
      contentType: contentTypeOf(payload, stated),
      bytes: payload,
      meter: topic.speaker ?? '',
    },
  ];
}

function contentTypeOf(payload: Uint8Array, stated: string | undefined): ContentType {
  if (stated !== undefined) {
    const essence = stated.split(';', 1)[0]!.trim().toLowerCase();
    const known = CONTENT_TYPES.find((one) => one === essence);
    if (known === undefined)
      throw new PayloadError(
        'content_type_unknown',
        `The content type must be one of ${CONTENT_TYPES.join(', ')}.`,
      );
    return known;
  }
  if (COSE_STARTS.has(payload[0] ?? 0)) return 'application/cose';
  if (Buffer.compare(payload.subarray(0, OCMF_HEAD.length), OCMF_HEAD) === 0) return 'text/plain';
  return 'application/json';
}
