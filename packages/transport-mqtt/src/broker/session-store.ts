import { Readable } from 'node:stream';
import type { QueuedPacket, Sessions } from './sessions.js';

interface AedesClient {
  readonly id: string;
}

/**
 * What aedes asks of a store, answered from `Sessions`. Its own keeps every queue and session without bound. Subscriptions
 * are entered when they are allowed, not by aedes, which stores those of a packet together, refused ones included. Messages that come
 * in, retained ones and wills never reach aedes.
 */
export function sessionStore(sessions: Sessions): object {
  return {
    async setup() {},
    async destroy() {},
    async addSubscriptions() {},
    async removeSubscriptions() {},
    async subscriptionsByClient({ id }: AedesClient) {
      return sessions.subscriptionsOf(id);
    },
    // The session has been begun anew before aedes hears of the connection.
    async cleanSubscriptions() {},
    async subscriptionsByTopic(topic: string) {
      return sessions.lastingReaders(topic);
    },
    async outgoingEnqueue({ clientId }: { clientId: string }, packet: QueuedPacket) {
      sessions.enqueue(clientId, { ...packet });
    },
    async outgoingEnqueueCombi(readers: { clientId: string }[], packet: QueuedPacket) {
      for (const { clientId } of readers) sessions.enqueue(clientId, { ...packet });
    },
    /** Gives a queued message its number on the wire. One that found the queue full goes out, unkept. */
    async outgoingUpdate({ id }: AedesClient, packet: QueuedPacket) {
      const queued = sessions
        .queueOf(id)
        .find(
          ({ brokerId, brokerCounter }) =>
            brokerId === packet.brokerId && brokerCounter === packet.brokerCounter,
        );
      if (queued !== undefined) queued.messageId = packet.messageId;
    },
    async outgoingClearMessageId({ id }: AedesClient, { messageId }: QueuedPacket) {
      return sessions.dequeue(id, messageId);
    },
    outgoingStream({ id }: AedesClient) {
      // Sent before on an earlier connection: it says so (MQTT 3.1.1, 3.3.1.1).
      return Readable.from(
        sessions.queueOf(id).map((packet) => ({ ...packet, dup: packet.messageId !== undefined })),
      );
    },
    createRetainedStreamCombi: () => Readable.from([]),
    async storeRetained() {},
    async incomingGetPacket() {
      throw new Error('messages that come in are not kept here');
    },
    async cleanIncoming() {},
    async putWill() {},
    async delWill() {},
    streamWill: () => Readable.from([]),
  };
}
