import { bridgeKwhMessage, JsonNumber, utf8 } from '@wattproof/core/verify';
import type { InboundTopic } from '../topics/topic-maps.js';
import type { Act } from './act.js';

/** What kwh-btc-iot's own MQTT bridge makes of its gateways' messages: an `emlog-1.1` document with the amount due. */
export function readKwhBtcIot(payload: Uint8Array, topic: InboundTopic): Act[] {
  const { site, device, meter } = topic.places;
  const document = bridgeKwhMessage(`energy/${site}/${device}/${meter}`, payload);
  const bytes = utf8(`{"format":"emlog-1.1","document":${jsonText(document)}}`);
  return [{ kind: 'readings', contentType: 'application/json', bytes, meter: meter! }];
}

/** JSON with every number as it was written: the format decides what a literal means, not this. */
function jsonText(value: unknown): string {
  if (value instanceof JsonNumber) return value.literal;
  if (typeof value === 'bigint') return String(value);
  // JSON.stringify drops the sign, which the format keeps.
  if (Object.is(value, -0)) return '-0.0';
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}
