import type { FleetMember } from '@wattproof/core/simulator';
import type { AnsweredItem } from '@wattproof/core/testing';
import { canonicalize, logHash, toHex } from '@wattproof/core/verify';

/** How one device reaches the gateway. It comes back by itself when the gateway, or what is between, does. */
export interface DeviceLink {
  /** The answer, for each reading; undefined when nobody can know what became of the message. Rejects when it is refused for good. */
  send(body: string, message: readonly object[]): Promise<readonly AnsweredItem[] | undefined>;
  close(): Promise<void>;
}

export interface LinkPlace {
  /** Where the gateway's HTTP is reached; waits while it is down. */
  readonly url: () => Promise<string>;
  /** Port of the transport, as the devices see it. */
  readonly port: number;
  readonly origin: string;
  readonly apiKey: string;
}

export type ConnectDevice = (member: FleetMember, place: LinkPlace) => Promise<DeviceLink>;

/** What an acknowledgement of the whole message says of each reading, where the protocol says no more. */
export function allAccepted(message: readonly object[]): readonly AnsweredItem[] {
  return (message as readonly { format: string; document: object }[]).map(
    ({ format, document }) => ({
      verdict: 'accepted',
      leaf_hash: toHex(logHash(canonicalize(format, document))),
    }),
  );
}
