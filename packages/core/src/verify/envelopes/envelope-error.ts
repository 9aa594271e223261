/** Why signed bytes are not the envelope they were sent as. `code` is stable. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';

  constructor(
    readonly code:
      | 'jws_invalid'
      | 'jws_crit_unknown'
      | 'cbor_invalid'
      | 'cose_invalid'
      | 'batch_chain_invalid'
      | 'alg_not_allowed'
      | 'envelope_unknown',
    message: string,
  ) {
    super(message);
  }
}
