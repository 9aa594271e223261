import { createHash } from 'node:crypto';
import type { IClientOptions } from 'mqtt';
import { checkTlsMaterial } from '../tls-material.js';
import type { ClientConfig } from './client.config.js';
import { ClientError } from './client-error.js';

/** What mqtt.js is told. Throws `ClientError` `tls_invalid` when certificates and keys cannot be used. */
export function clientOptions(
  config: ClientConfig,
  host: { readonly origin: string; readonly instanceId: string },
): IClientOptions {
  const { username, password, tls } = config;
  checkTls(tls);
  return {
    protocolVersion: config.version === '5' ? 5 : 4,
    clientId: config.clientId ?? sessionName(host),
    // The broker keeps what arrives while the gateway is away.
    clean: false,
    keepalive: config.keepAliveSeconds,
    connectTimeout: config.connectTimeoutMs,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    ...(tls?.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
    // Connections are made one by one, each with a state of its own.
    manualConnect: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    ...(config.version === '5'
      ? {
          properties: {
            sessionExpiryInterval: config.sessionExpirySeconds,
            receiveMaximum: config.maxInFlight,
            maximumPacketSize: config.maxPacketBytes,
          },
        }
      : {}),
  };
}

/** 22 characters, which every broker takes (MQTT 3.1.1, 3.1.3.1), the same after each start. */
function sessionName({
  origin,
  instanceId,
}: {
  readonly origin: string;
  readonly instanceId: string;
}): string {
  const digest = createHash('sha256').update(`${origin}\n${instanceId}`).digest('hex');
  return `wattproof${digest.slice(0, 13)}`;
}

function checkTls(tls: ClientConfig['tls']): void {
  if (tls === undefined) return;
  const { ca, cert, key, passphrase } = tls;
  try {
    checkTlsMaterial({ ca, cert, key, passphrase });
  } catch (cause) {
    throw new ClientError(
      'tls_invalid',
      'client.tls cannot be used: give PEM text, the key that belongs to the certificate, and its passphrase.',
      { cause },
    );
  }
}
