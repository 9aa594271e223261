/** What an anchor package may offer beyond anchoring. Core finds a port through `capabilities.ports`. */
export interface AnchorPorts {
  readonly tokens?: TokenPort;
  readonly certificates?: CertificatePort;
  readonly settlement?: SettlementPort;
  readonly wallet?: WalletPort;
}

/** The outcome of a ledger operation that is idempotent by `key`: doing it again finds it done. */
export interface LedgerOperation {
  readonly txId: string;
  readonly status: 'pending' | 'included' | 'final';
  /** True when an earlier call with the same key had already done it. */
  readonly existing: boolean;
}

/** Energy tokens, 9 decimals: 1 base unit = 1 µWh. */
export interface TokenPort {
  /** Mints for one meter and interval; `key` makes it happen once. */
  mint(
    request: { readonly key: string; readonly to: string; readonly energyUWh: bigint },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
  burn(
    request: { readonly key: string; readonly from: string; readonly energyUWh: bigint },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
  transfer(
    request: {
      readonly key: string;
      readonly from: string;
      readonly to: string;
      readonly energyUWh: bigint;
    },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
  balance(account: string, signal: AbortSignal): Promise<bigint>;
}

export interface CertificatePort {
  issue(
    request: {
      readonly key: string;
      readonly to: string;
      readonly certificateHash: Uint8Array;
      readonly energyWh: bigint;
    },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
  transfer(
    request: {
      readonly key: string;
      readonly certificateHash: Uint8Array;
      readonly from: string;
      readonly to: string;
      readonly energyWh: bigint;
    },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
  retire(
    request: {
      readonly key: string;
      readonly certificateHash: Uint8Array;
      readonly from: string;
      readonly energyWh: bigint;
      readonly beneficiary?: string;
    },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
}

/** One call moves token and payment of a trade; already settled is success. */
export interface SettlementPort {
  settle(
    request: {
      readonly tradeId: string;
      readonly seller: string;
      readonly buyer: string;
      readonly energyUWh: bigint;
      readonly payment: { readonly amount: bigint; readonly unit: string };
    },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
}

/** Checks a login signature the way wallets of this ledger make them. Pure. */
export interface WalletPort {
  /** The chain in CAIP-2 form, `bip122:000000000019d6689c085ae165831e93`. */
  readonly chain: string;
  /** True when `signature` is `address`'s over exactly `message`. */
  verifyLogin(request: {
    readonly address: string;
    readonly message: string;
    readonly signature: string;
  }): Promise<boolean>;
}
