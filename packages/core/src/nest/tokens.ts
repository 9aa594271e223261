import type { Principal } from '../accounts/access.js';

/** The assembled gateway: `Gateway`. */
export const GATEWAY = Symbol.for('wattproof.gateway');
/** What to assemble: `GatewayOptions`. */
export const GATEWAY_OPTIONS = Symbol.for('wattproof.gateway-options');
/** Finds out who calls; replaceable by an embedder's own identity provider. */
export const IDENTITY = Symbol.for('wattproof.identity');
/** When to seal; replaceable: `BatchPolicy`. Nobody provides it by default: batches are sealed by age and count. */
export const BATCH_POLICY = Symbol.for('wattproof.batch-policy');
/** What looks at readings; replaceable: `ActiveDetector[]`. Nobody provides it by default: the configuration names them. */
export const DETECTORS = Symbol.for('wattproof.detectors');
/** The open store: `Store`. */
export const STORE = Symbol.for('wattproof.store');
/** How the HTTP side behaves: `HttpOptions`. */
export const HTTP_OPTIONS = Symbol.for('wattproof.http-options');

/** Who presents a request. */
export interface Identity {
  /**
   * Undefined at once when the request carries no credential; otherwise resolves to whose it is, or to
   * undefined when it is not valid. Must not throw for a wrong credential.
   */
  identify(
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): Promise<Principal | undefined> | undefined;
}

export interface HttpOptions {
  /** Groups of routes that need no key: `logs`, `proofs`, `flush`. */
  readonly open: readonly string[];
  /** Route name (`operationId` of the OpenAPI document) → checks of plugins it must pass, `INSTANCE.CHECK`. */
  readonly guards: Readonly<Record<string, readonly string[]>>;
  /** Addresses or subnets of proxies that check client certificates and state them in `Client-Cert` (RFC 9440). */
  readonly certificateProxies: readonly string[];
  /** Largest request body. */
  readonly maxBodyBytes: number;
}
