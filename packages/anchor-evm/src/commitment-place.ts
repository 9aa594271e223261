import type { Commitment } from '@wattproof/core/spi';

/** Where commitments go on a chain: a registry that remembers them, or calldata alone. Addresses are lower case with `0x`. */
export interface CommitmentPlace {
  /** Gas limit below which no attempt is made, whatever the node estimates. */
  readonly leastGas: bigint;
  target(sender: string, commitment: Commitment): { readonly to: string; readonly data: string };
  /** Throws when nothing can be published there at all: no contract, or another one. */
  ready(signal: AbortSignal): Promise<void>;
  /** Throws `rejected` when publishing this commitment would be paid for in vain. */
  admit(sender: string, commitment: Commitment, signal: AbortSignal): Promise<void>;
  newest(
    sender: string,
    origin: string,
    signal: AbortSignal,
  ): Promise<{ readonly size: bigint; readonly digest: Uint8Array } | undefined>;
  /** Id of the included transaction that published it. */
  find(sender: string, commitment: Commitment, signal: AbortSignal): Promise<string | undefined>;
}
