/** What an anchor package may offer beyond anchoring. Core finds a port through `capabilities.ports`. */
export interface AnchorPorts {
  readonly tokens?: TokenPort;
  readonly certificates?: CertificatePort;
  readonly settlement?: SettlementPort;
  readonly wallet?: WalletPort;
}

/**
 * The outcome of a ledger operation that is idempotent by `key`: doing it again finds it done. The same key with
 * another request is refused (`key_conflict`). What a port refuses for good it refuses with a `PortRefusal`; that
 * the ledger cannot be reached is `AnchorError('unavailable')`, and the same call may be made again.
 */
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
  /** What an account holds of a certificate, and what it has retired of it for good. 0 and 0 of an unknown one. */
  holding(
    certificateHash: Uint8Array,
    account: string,
    signal: AbortSignal,
  ): Promise<{ readonly heldWh: bigint; readonly retiredWh: bigint }>;
}

/** Money in minor units of its currency. */
export interface Payment {
  readonly amount: bigint;
  /** `sat`, `EUR`, a unit the anchor's configuration names. */
  readonly unit: string;
}

/** One call moves token and payment of a trade; already settled is success. */
export interface SettlementPort {
  settle(
    request: {
      readonly tradeId: string;
      readonly seller: string;
      readonly buyer: string;
      readonly energyUWh: bigint;
      /** 0 when nothing is paid. */
      readonly payment: Payment;
    },
    signal: AbortSignal,
  ): Promise<LedgerOperation>;
  /** What an account can pay with. */
  funds(account: string, unit: string, signal: AbortSignal): Promise<bigint>;
  /** Books money that came to or left the account elsewhere. Absent where payment is a token that others issue. */
  readonly cash?: CashPort;
}

export interface CashPort {
  deposit(request: CashMove, signal: AbortSignal): Promise<LedgerOperation>;
  withdraw(request: CashMove, signal: AbortSignal): Promise<LedgerOperation>;
}

export interface CashMove {
  readonly key: string;
  readonly account: string;
  readonly payment: Payment;
}

/** Checks a login signature the way wallets of this ledger make them. A wallet that is a contract is asked on its ledger. */
export interface WalletPort {
  /** The chain in CAIP-2 form, `bip122:000000000019d6689c085ae165831e93`. */
  readonly chain: string;
  /** True when `signature` is `address`'s over exactly `message`. */
  verifyLogin(request: {
    readonly address: string;
    readonly message: string;
    readonly signature: string;
    /** What the server asked for, for messages that state it: then they must state exactly this. */
    readonly challenge?: { readonly domain: string; readonly nonce: string };
  }): Promise<boolean>;
}
