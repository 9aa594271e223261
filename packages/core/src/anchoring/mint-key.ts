import { toHex, utf8 } from '../verify/bytes.js';
import { sha256 } from '../verify/sha256.js';

/** One interval of one register of a meter, as this log knows it. */
export interface MintedInterval {
  /** Name of the log: two gateways over one contract may know meters of one name. */
  readonly origin: string;
  readonly meterId: string;
  readonly register: string;
  readonly startsMs: number;
  readonly endsMs: number;
}

/**
 * The `key` of a mint of tokens: a function of meter and interval alone, so an interval is minted once, whoever asks, after
 * whatever crash, and another amount for it is refused (`key_conflict`). `mint/` and the SHA-256 in hex of the JSON array
 * `["wattproof/mint/v1", origin, meterId, register, startsMs, endsMs]`, which no two intervals share.
 */
export function mintKey({ origin, meterId, register, startsMs, endsMs }: MintedInterval): string {
  const named = JSON.stringify(['wattproof/mint/v1', origin, meterId, register, startsMs, endsMs]);
  return `mint/${toHex(sha256(utf8(named)))}`;
}
