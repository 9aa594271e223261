import { isIPv6, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Credential } from '@wattproof/core/spi';

type Certificate = Extract<Credential, { kind: 'certificate' }>;

/** The client's certificate, when the configured authority has signed it. */
export function certificateOf(socket: TLSSocket): Certificate | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return undefined;
  return {
    kind: 'certificate',
    publicKey: certificate.publicKey.export({ type: 'spki', format: 'der' }),
    fromMs: certificate.validFromDate.getTime(),
    untilMs: certificate.validToDate.getTime(),
  };
}

/** Of IPv6 the network: its customer has all of it. */
export function addressOf({ remoteAddress = '' }: Socket): string {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  if (!isIPv6(address)) return address === '' ? 'unknown' : address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups =
    right === undefined
      ? head
      : [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
