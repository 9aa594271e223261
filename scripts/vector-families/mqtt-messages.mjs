// What messages of other systems' devices say: each topic and payload, and the acts that come of it or the code it is refused with.
import { isUnknownGroup } from './about-the-file.mjs';

/** The runner of this family, over `TopicMaps`, `PRESETS` and `readPayload` of `@wattproof/transport-mqtt`. */
export function mqttMessages({ TopicMaps, PRESETS, readPayload }) {
  return function* run(file) {
    for (const [name, value] of Object.entries(file))
      if (isUnknownGroup(name, value, ['cases']))
        yield { name, ok: false, detail: 'this family has no group of this name' };
    const maps = new TopicMaps([PRESETS[file.map]]);
    const atMs = Date.parse(file.received_at);
    for (const { name, topic, acts, error, ...sent } of file.cases) {
      if ((acts === undefined) === (error === undefined)) {
        yield { name, ok: false, detail: 'the case needs either acts or an error' };
        continue;
      }
      const wanted = canonical(acts ?? { error });
      const got = canonical(saidBy(topic, bytesOf(sent), maps, atMs));
      yield got === wanted
        ? { name, ok: true }
        : { name, ok: false, detail: `expected ${wanted}, got ${got}` };
    }
  };

  function saidBy(topic, payload, maps, atMs) {
    const known = maps.inbound(topic);
    if (known === undefined) return { error: 'topic_unknown' };
    try {
      return readPayload({ payload, atMs }, known).map(published);
    } catch (error) {
      return { error: error.code ?? String(error) };
    }
  }
}

function bytesOf({ payload, payload_text: text, payload_hex: hex }) {
  if (hex !== undefined) return Uint8Array.from(Buffer.from(hex, 'hex'));
  return Uint8Array.from(Buffer.from(text ?? JSON.stringify(payload)));
}

/** An act as the vector files have it. */
function published(act) {
  const text = (bytes) => Buffer.from(bytes).toString('utf8');
  switch (act.kind) {
    case 'readings':
      return {
        kind: act.kind,
        content_type: act.contentType,
        meter: act.meter,
        envelope: JSON.parse(text(act.bytes)),
      };
    case 'answer':
      return {
        kind: act.kind,
        device: act.device,
        text: text(act.bytes),
        ...(act.order === undefined ? {} : { order: act.order }),
      };
    default: {
      const { transferId, atMs, availableEnergyUWh, deliveredUWh, ...rest } =
        act.change ?? act.report ?? act.alert;
      return {
        kind: act.kind,
        ...rest,
        at_ms: atMs,
        ...(transferId === undefined ? {} : { transfer_id: transferId }),
        ...(availableEnergyUWh === undefined
          ? {}
          : { available_energy_uwh: String(availableEnergyUWh) }),
        ...(deliveredUWh === undefined ? {} : { delivered_uwh: String(deliveredUWh) }),
      };
    }
  }
}

/** JSON with sorted members, to be compared. */
function canonical(value) {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
