// Payloads that Los Técnicos' backend publishes, byte for byte.
import { isUnknownGroup } from './about-the-file.mjs';

/** Prices and logins are no messages; nothing here computes them, and nothing claims to. */
const NOT_HERE = ['pricing', 'wallet_auth', 'oracle_payload'];

/** The runner of this family, over `TopicMaps`, `PRESETS` and `commandPayload` of `@wattproof/transport-mqtt`. */
export function lostecnicos({ TopicMaps, PRESETS, commandPayload }) {
  const maps = new TopicMaps([PRESETS['los-tecnicos']]);
  return function* run(file) {
    for (const [name, value] of Object.entries(file)) {
      if (NOT_HERE.includes(name)) console.error(`lostecnicos: the group ${name} is not run`);
      else if (isUnknownGroup(name, value, ['mqtt_lock_payload']))
        yield { name, ok: false, detail: 'this family has no group of this name' };
    }
    for (const one of file.mqtt_lock_payload ?? []) yield lockRequest(one);
  };

  function lockRequest({ device_id: device, order_id: order, kwh, topic, payload }) {
    const name = `lock of ${kwh} kWh at ${device}`;
    // Expectations that the case lacks would equal what cannot be sent.
    if (typeof payload !== 'string' || typeof topic !== 'string')
      return { name, ok: false, detail: 'the case has no topic or no payload' };
    try {
      const sent = maps.commandTopics('lock', device).find((one) => one.topic === topic);
      const command = {
        id: 'cmd_1',
        nonce: '00'.repeat(16),
        device,
        name: 'lock',
        body: { order_id: order, kwh_requested: Number(kwh) },
        deadlineMs: 0,
      };
      const got = sent && commandPayload(command, sent.shape);
      return got === payload
        ? { name, ok: true }
        : { name, ok: false, detail: `expected ${payload} on ${topic}, got ${got}` };
    } catch (error) {
      return { name, ok: false, detail: `expected ${payload}, threw ${String(error)}` };
    }
  }
}
