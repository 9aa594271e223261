import type { ListedReading } from '../../energy-ledger/reading-list.store.js';
import { kWhOf } from './kwh.js';

const decoder = new TextDecoder();

/** A reading as GridTokenX's clients know it, and ours behind. Amounts are decimal strings of kWh. */
export function readingDocument(reading: ListedReading, userId: string | null): object {
  return {
    id: reading.entryId,
    user_id: userId,
    wallet_address: walletOfMessage(reading.bytes) ?? null,
    kwh_amount: kWhOf(reading.energyUWh),
    reading_timestamp: new Date(reading.endsMs).toISOString(),
    submitted_at: new Date(reading.receivedAtMs).toISOString(),
    minted: reading.mintedUWh > 0n,
    // Where a token's claim stands on its ledger is the token's to say.
    mint_tx_signature: null,
    meter_id: reading.meterId,
    register: reading.register,
    verdict: reading.verdict,
    reason: reading.reason ?? null,
    minted_kwh: kWhOf(reading.mintedUWh),
    unclaimed_kwh: kWhOf(
      reading.creditedUWh > reading.claimedUWh ? reading.creditedUWh - reading.claimedUWh : 0n,
    ),
  };
}

/** The wallet in a message of format `gridtokenx-meter/1`: its last line. */
export function walletOfMessage(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : /\nwallet: ([^\n]*)$/.exec(decoder.decode(bytes))?.[1];
}
