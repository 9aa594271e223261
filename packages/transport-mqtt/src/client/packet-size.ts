/** What a packet has besides its topic, payload and properties, and a user property besides its words, at most, in bytes. */
const [PACKET_HEAD_BYTES, PROPERTY_HEAD_BYTES] = [16, 5];

/** Bytes of a PUBLISH, at most. */
export function publishBytes(topic: string, payload: Uint8Array | string): number {
  return PACKET_HEAD_BYTES + Buffer.byteLength(topic) + Buffer.byteLength(payload);
}

/** Bytes of a PUBACK with these user properties, at most. */
export function pubackBytes(properties: Readonly<Record<string, string>>): number {
  const words = Object.entries(properties).flat();
  const heads = PACKET_HEAD_BYTES + (words.length / 2) * PROPERTY_HEAD_BYTES;
  return words.reduce((sum, word) => sum + Buffer.byteLength(word), heads);
}
