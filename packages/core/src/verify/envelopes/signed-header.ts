import type { SignatureAlgorithm } from '../spki.js';

/** What the signed header of a JWS or a COSE_Sign1 says of the payload. */
export interface SignedHeader {
  readonly alg: SignatureAlgorithm;
  /** Absent where the envelope leaves it out: the meter's keys are asked. */
  readonly keyId?: string;
  /** Name of the format whose canonical bytes are the payload. */
  readonly format: string;
}

/** Longest protected header that is read, in bytes. */
export const MAX_HEADER_BYTES = 1024;
/** Longest name of a format. */
export const MAX_FORMAT_LENGTH = 128;
