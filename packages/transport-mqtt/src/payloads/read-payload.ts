import type { InboundTopic } from '../topics/topic-maps.js';
import type { Act } from './act.js';
import { readAlert, readAnswer, readStatus } from './device-reports.js';
import { readEnergypulse } from './energypulse.js';
import { readKwhBtcIot } from './kwh-btc-iot.js';
import {
  readDonorStatus,
  readEmergency,
  readLockResponse,
  readRecipientStatus,
  readTransferStatus,
} from './los-tecnicos.js';
import type { PayloadKind } from './payload-kinds.js';
import { readReadings } from './readings.js';

interface Sent {
  readonly payload: Uint8Array;
  /** MQTT 5 content type. */
  readonly contentType?: string;
  /** When it arrived; stands in where a report may lack a time. ms since 1970. */
  readonly atMs: number;
}

const READERS: Readonly<Record<PayloadKind, (sent: Sent, topic: InboundTopic) => Act[]>> = {
  readings: ({ payload, contentType }, topic) => readReadings(payload, topic, contentType),
  status: ({ payload, atMs }, topic) => readStatus(payload, topic, atMs),
  alert: ({ payload, atMs }, topic) => readAlert(payload, topic, atMs),
  answer: ({ payload }, topic) => readAnswer(payload, topic),
  'kwh-btc-iot': ({ payload }, topic) => readKwhBtcIot(payload, topic),
  energypulse: ({ payload }, topic) => readEnergypulse(payload, topic),
  'los-tecnicos-donor-status': ({ payload, atMs }, topic) => readDonorStatus(payload, topic, atMs),
  'los-tecnicos-recipient-status': ({ payload }, topic) => readRecipientStatus(payload, topic),
  'los-tecnicos-alert': ({ payload, atMs }, topic) => readEmergency(payload, topic, atMs),
  'los-tecnicos-lock-response': ({ payload }, topic) => readLockResponse(payload, topic),
  'los-tecnicos-transfer-status': ({ payload, atMs }, topic) =>
    readTransferStatus(payload, topic, atMs),
};

/** What a message says. Pure. Throws `PayloadError`, `JsonError` or `FormatError`, each with a stable code. */
export function readPayload(sent: Sent, topic: InboundTopic): readonly Act[] {
  return READERS[topic.payload](sent, topic);
}
