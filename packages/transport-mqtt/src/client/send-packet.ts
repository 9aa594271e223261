import type { MqttClient } from 'mqtt';

/** What mqtt.js 5.16 does not offer publicly; the version is pinned for it. */
interface SendsPackets {
  _sendPacket(packet: object): void;
}

export function sendPacket(client: MqttClient, packet: object): void {
  (client as unknown as SendsPackets)._sendPacket(packet);
}
