import { utf8 } from '@wattproof/core/verify';
import type { InboundTopic } from '../topics/topic-maps.js';
import type { Act } from './act.js';
import { SentObject } from './json-object.js';
import { PayloadError } from './payload-error.js';
import { pointReading } from './point-reading.js';

/**
 * EnergyPulse's `{"meterId","timestamp","temperature","consumptionKwh"}`: a point reading of consumption. A time that cannot be read is an
 * error; the time of arrival would make every repetition another reading.
 */
export function readEnergypulse(payload: Uint8Array, topic: InboundTopic): Act[] {
  const sent = SentObject.of(payload);
  const meter = topic.places.meter!;
  if (sent.text('meterId') !== meter)
    throw new PayloadError(
      'meter_mismatch',
      '"meterId" is not the meter of the topic; a meter speaks on its own topic.',
    );
  const bytes = pointReading({
    site: topic.places.site ?? topic.map,
    device: topic.places.device ?? meter,
    meter,
    atMs: sent.instantMs('timestamp'),
    importKwh: sent.amount('consumptionKwh'),
    telemetry: { temperature_c: sent.decimal('temperature') },
  });
  return [{ kind: 'readings', contentType: 'application/json', bytes: utf8(bytes), meter }];
}
