import { canonicalJson } from '../../verify/rfc8785.js';
import { canonicalize } from '../../verify/formats/default-formats.js';
import { bridgeKwhMessage } from '../../verify/formats/kwh-mqtt-bridge.js';
import type { VectorResult } from './vector-case.js';
import { attempt, mustEqual, mustThrow } from './vector-attempt.js';

interface BridgeFile {
  readonly cases?: readonly {
    readonly name: string;
    readonly topic: string;
    readonly payload: object;
    readonly canonical?: object;
    readonly error?: string;
  }[];
}

/** The documents kwh-btc-iot's MQTT bridge makes of messages; each must also be a readable emlog document. */
export function* run(file: unknown): Iterable<VectorResult> {
  for (const { name, topic, payload, canonical } of (file as BridgeFile).cases ?? [])
    yield attempt(name, () => {
      if (canonical === undefined) return mustThrow(() => bridgeKwhMessage(topic, payload));
      const document = bridgeKwhMessage(topic, payload);
      const different = mustEqual(canonicalJson(document), canonicalJson(canonical));
      if (different === undefined) canonicalize('emlog-1.1', document);
      return different;
    });
}
