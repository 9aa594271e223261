import type { IConnectPacket } from 'mqtt-packet';
import type { BrokerConfig } from './broker.config.js';
import { packetBytes, type Version } from './packets.js';
import type { Welcome } from './welcome.js';

type Welcomed = Welcome & { kind: 'welcome' };

/** What a device and the broker agree on when it connects, besides who it is. */
export interface Agreement extends Welcomed {
  readonly version: Version;
  readonly keepAliveSeconds: number;
  /** Unacknowledged messages that the device takes at a time; undefined: it stated no number. */
  readonly receiveMaximum: number | undefined;
  /** Bytes of the largest packet the device takes. */
  readonly maxOutgoingBytes: number;
  /** Whether it wants reasons and user properties in answers (MQTT 5.0, 3.1.2.11.7). */
  readonly tellsProblems: boolean;
}

export function agreementOf(
  { protocolVersion = 4, keepalive = 0, properties = {} }: IConnectPacket,
  welcome: Welcomed,
  { maxKeepAliveSeconds }: BrokerConfig['limits'],
): Agreement {
  // Devices of 3.1.1 cannot be told another one than they asked for.
  const keepsItsOwn = protocolVersion !== 5 && keepalive > 0;
  return {
    ...welcome,
    version: protocolVersion,
    keepAliveSeconds: keepsItsOwn
      ? keepalive
      : Math.min(keepalive === 0 ? maxKeepAliveSeconds : keepalive, maxKeepAliveSeconds),
    receiveMaximum: properties.receiveMaximum,
    maxOutgoingBytes: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    tellsProblems: properties.requestProblemInformation !== false,
  };
}

/** CONNACK. MQTT 5 devices are told what holds here (5.0, 3.2.2.3). */
export function connackBytes(
  agreement: Agreement,
  isIdAssigned: boolean,
  { inFlight, maxPacketBytes }: BrokerConfig['limits'],
): Buffer {
  const { version, sessionPresent, expiryMs, keepAliveSeconds, clientId } = agreement;
  if (version !== 5) return packetBytes({ cmd: 'connack', sessionPresent, returnCode: 0 }, version);
  const properties = {
    sessionExpiryInterval: Math.floor(expiryMs / 1000),
    receiveMaximum: inFlight,
    maximumPacketSize: maxPacketBytes,
    sharedSubscriptionAvailable: false,
    subscriptionIdentifiersAvailable: false,
    serverKeepAlive: keepAliveSeconds,
    ...(isIdAssigned ? { assignedClientIdentifier: clientId } : {}),
  };
  return packetBytes({ cmd: 'connack', sessionPresent, reasonCode: 0, properties }, 5);
}
