import type { SignedEnvelope } from '../verify/envelopes/index.js';

export interface EnvelopeSignature {
  readonly alg: string;
  /** Absent where the envelope does not say: the meter's own keys are asked. */
  readonly keyId?: string;
  readonly value: Uint8Array;
  /** What the device wrapped it in, when it signed no message of ours. */
  readonly envelope?: SignedEnvelope;
}

/** A signature that names its key. */
export type NamedSignature = EnvelopeSignature & { readonly keyId: string };

/** One item as it came: its format and either the raw text of its document or the bytes it says are canonical. */
export interface Envelope {
  readonly format: string;
  readonly content:
    | { readonly kind: 'document'; readonly text: string }
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array };
  readonly signature?: EnvelopeSignature;
}
