import { AnchorError } from './anchor-error.js';

/**
 * Why a port refuses an operation for good; nothing has changed on the ledger.
 * `key_conflict`: the key stands for another request. `balance_too_low`: less is there than is to be moved.
 * `certificate_exists`, `certificate_unknown`: its hash was issued, was never issued. `not_authorised`: the ledger does
 * not let this gateway move what belongs to the account. `request_invalid`: no ledger could do this.
 */
export const PORT_REFUSALS = [
  'key_conflict',
  'balance_too_low',
  'certificate_exists',
  'certificate_unknown',
  'not_authorised',
  'request_invalid',
] as const;
export type PortRefusalCode = (typeof PORT_REFUSALS)[number];

/** An `AnchorError` with a code: `invalid` for `request_invalid`, else `rejected`. */
export class PortRefusal extends AnchorError {
  constructor(
    readonly code: PortRefusalCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code === 'request_invalid' ? 'invalid' : 'rejected', message, options);
  }
}
