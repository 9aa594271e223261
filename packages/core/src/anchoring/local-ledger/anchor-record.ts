import type { Commitment } from '../../verify/contracts.js';
import { toHex, utf8 } from '../../verify/bytes.js';
import { canonicalJson } from '../../verify/rfc8785.js';

/** Text of the transaction that publishes a commitment: the commitment alone decides it, so it exists once. */
export const anchorRecordText = ({ origin, size, digest }: Commitment): string =>
  canonicalJson({
    digest: toHex(digest),
    origin,
    size: size.toString(),
    v: 'wattproof.anchor/1',
  });

export const anchorRecord = (commitment: Commitment): Uint8Array =>
  utf8(anchorRecordText(commitment));
