import { randomUUID } from 'node:crypto';
import type { IConnectPacket } from 'mqtt-packet';
import type { PluginContext } from '@wattproof/core/spi';
import { ownerNameOf } from './caller-connections.js';
import type { Origin } from './connection.js';
import { credentialOf } from './credential.js';
import type { RightsReview } from './rights-review.js';
import type { Sessions } from './sessions.js';
import { refused, type Welcome } from './welcome.js';

const CLIENT_ID_BYTES = 256;

/** Who may connect, as whom, and to which session. */
export class Doorkeeper {
  constructor(
    private readonly context: PluginContext,
    private readonly sessions: Sessions,
    private readonly review: RightsReview,
    /** Whether somebody without a credential may. */
    private readonly anonymous: boolean,
  ) {}

  async welcome(origin: Origin, packet: IConnectPacket): Promise<Welcome> {
    if (origin.tooFast === true) return refused('connection_rate_exceeded');
    if (packet.properties?.authenticationMethod !== undefined)
      return refused('authentication_method_unknown');
    // Zero is a protocol error (MQTT 5.0, 3.1.2.11.3 and 3.1.2.11.4): such a device could be told nothing.
    if (packet.properties?.receiveMaximum === 0 || packet.properties?.maximumPacketSize === 0)
      return refused('protocol_error');
    const { clientId, clean: fresh = true, properties } = packet;
    const isFive = packet.protocolVersion === 5;
    if (Buffer.byteLength(clientId) > CLIENT_ID_BYTES || (clientId === '' && !fresh && !isFive))
      return refused('client_id_invalid');
    const credential = credentialOf(packet, origin.certificate);
    if (credential === undefined) return refused('credentials_unknown');
    if (credential === 'nothing' && !this.anonymous) return refused('credentials_missing');
    try {
      const caller =
        credential === 'nothing' ? undefined : await this.context.callers?.authenticate(credential);
      if (caller === undefined && credential !== 'nothing') return refused('credentials_unknown');
      const name = clientId === '' ? randomUUID() : clientId;
      const sessionId = `${ownerNameOf(caller)}\n${name}`;
      const wishedMs = isFive
        ? (properties?.sessionExpiryInterval ?? 0) * 1000
        : fresh
          ? 0
          : Number.POSITIVE_INFINITY;
      if (!fresh) await this.review.session(sessionId, caller);
      return {
        kind: 'welcome',
        caller,
        clientId: name,
        sessionId,
        sessionPresent: !fresh && this.sessions.has(sessionId),
        fresh,
        // What nobody answers for is not kept.
        expiryMs: caller === undefined ? 0 : Math.min(wishedMs, this.sessions.expiryMs),
      };
    } catch (error) {
      this.context.logger.warn('The credentials of a device could not be checked.', { error });
      return refused('store_unavailable');
    }
  }
}
