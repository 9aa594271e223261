import type { DomainEvent } from './context.js';

/** What somebody presents to be known by. */
export type Credential =
  /** An API key, or the key of one device: `wpk_….…`. */
  | { readonly kind: 'api-key'; readonly key: string }
  /** A client certificate that TLS has checked: SPKI DER of its key, and how long it is valid. */
  | {
      readonly kind: 'certificate';
      readonly publicKey: Uint8Array;
      readonly fromMs: number;
      readonly untilMs: number;
    }
  /**
   * A device key's signature over `connectMessage(origin, keyId, challenge)`. The challenge is one of `Callers.challenge`, or, for
   * protocols whose first message is the device's, `<ms since 1970>.<32 hex of its own>`: good for five minutes, once.
   */
  | {
      readonly kind: 'device-signature';
      readonly keyId: string;
      readonly challenge: string;
      readonly signature: Uint8Array;
    };

/** Somebody the host knows by a credential. Made by the host alone: what a plugin makes up is nobody. */
export interface Caller {
  readonly kind: 'device' | 'api-key' | 'admin-key';
  /** Of a device: its meter's id, or the id of its key when it showed that; else the id of the API key. */
  readonly id: string;
  readonly accountId: string;
  /** Meters it speaks for, and for no others; absent: those of its account, or all if it is an operator's. */
  readonly meterIds?: readonly string[];
  /** Empty: all that its role may. */
  readonly scopes: readonly string[];
}

/** Who is at the other end of a connection, and what they may do. Rejects when the store cannot be asked. */
export interface Callers {
  /** A single-use challenge for `device-signature`, good for five minutes. */
  challenge(): Promise<string>;
  /** Undefined: nobody is known by it; which part was wrong is not told. */
  authenticate(credential: Credential): Promise<Caller | undefined>;
  /** False once the key is revoked or expired, its user disabled, its meter suspended or retired. Cheap: ask for every message. */
  isValid(caller: Caller): Promise<boolean>;
  /** Whether it may send readings of the meter, and be sent what concerns it. */
  maySpeakFor(caller: Caller, meterId: string): Promise<boolean>;
  /** Whether the event is the caller's to hear: of its account, of its meters, or of nobody in particular. */
  mayHear(caller: Caller, event: DomainEvent): Promise<boolean>;
}
