// Payloads that Los Técnicos' backend publishes, byte for byte.
const KNOWN = ['how_obtained', 'mqtt_lock_payload'];
const NOT_HERE = ['pricing', 'wallet_auth', 'oracle_payload'];

/** The runner of this family, over `TopicMaps`, `PRESETS` and `commandPayload` of `@wattproof/transport-mqtt`. */
export function lostecnicos({ TopicMaps, PRESETS, commandPayload }) {
  return function* run(file) {
    for (const name of Object.keys(file).filter((key) => !KNOWN.includes(key))) {
      // Prices and logins are no messages; nothing here computes them, and nothing claims to.
      if (NOT_HERE.includes(name)) console.error(`lostecnicos: the group ${name} is not run`);
      else yield { name, ok: false, detail: 'this family has no group of this name' };
    }
    const maps = new TopicMaps([PRESETS['los-tecnicos']]);
    for (const {
      device_id: device,
      order_id: order,
      kwh,
      topic,
      payload,
    } of file.mqtt_lock_payload) {
      const name = `lock of ${kwh} kWh at ${device}`;
      const topics = maps.commandTopics('lock', device);
      const command = {
        id: 'cmd_1',
        nonce: '00'.repeat(16),
        device,
        name: 'lock',
        body: { order_id: order, kwh_requested: Number(kwh) },
        deadlineMs: 0,
      };
      const sent = topics.find((one) => one.topic === topic);
      const got = sent && commandPayload(command, sent.shape);
      yield got === payload
        ? { name, ok: true }
        : { name, ok: false, detail: `expected ${payload} on ${topic}, got ${got}` };
    }
  };
}
