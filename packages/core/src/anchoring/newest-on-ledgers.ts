import type { Logger } from '../spi/index.js';
import type { AnchorInstance } from './anchor-instance.js';
import { askLedger } from './ledger-call.js';

export interface NewestOnLedgers {
  /** The largest commitment of the origin that any ledger shows. */
  readonly newest?: { readonly anchor: string; readonly size: bigint; readonly digest: Uint8Array };
  /** Anchors that can tell but could not be asked. */
  readonly unreachable: readonly string[];
}

/**
 * What the ledgers remember of a log. A store whose head does not extend it was restored from an older
 * copy, and sealing must not go on: a second checkpoint of one size would be signed.
 */
export async function newestOnLedgers(
  origin: string,
  anchors: ReadonlyMap<string, AnchorInstance>,
  logger: Logger,
  signal: AbortSignal,
): Promise<NewestOnLedgers> {
  const unreachable: string[] = [];
  let newest: NewestOnLedgers['newest'];
  for (const [id, { anchor }] of anchors) {
    if (!anchor.latest) continue;
    const answer = await askLedger(logger, 'latest', async () => anchor.latest?.(origin, signal));
    if (!answer.ok) unreachable.push(id);
    else if (answer.value && (!newest || answer.value.size > newest.size))
      newest = { anchor: id, ...answer.value };
  }
  return { ...(newest ? { newest } : {}), unreachable };
}
