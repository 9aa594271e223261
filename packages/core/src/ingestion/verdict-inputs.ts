import type { MeterRegister } from '../devices/meter-registers.js';
import type { Authentication } from './authenticate.js';

/** What the rules looked at besides the document, kept with the verdict: with it and the rules anybody judges again. */
export interface VerdictInputs {
  /** When it was received, in ms since 1970 UTC by the gateway's clock. */
  readonly at: number;
  /** The sender might send what is old. */
  readonly backfill?: true;
  /** Why the sender's word did not do: the code. */
  readonly hold?: string;
  /** Of the meter as it was registered then; null: no registered meter stood behind it. */
  readonly meter: {
    readonly rating_w?: number;
    readonly registers?: readonly MeterRegister[];
  } | null;
}

/** As JSON text. */
export function verdictInputs(
  { meter, hold }: Pick<Authentication, 'meter' | 'hold'>,
  now: { readonly ms: number; readonly backfill: boolean },
): string {
  const inputs: VerdictInputs = {
    at: now.ms,
    ...(now.backfill ? { backfill: true } : {}),
    ...(hold === undefined ? {} : { hold: hold.code }),
    meter:
      meter === undefined
        ? null
        : {
            ...(meter.ratingW === undefined ? {} : { rating_w: meter.ratingW }),
            ...(meter.registers === undefined ? {} : { registers: meter.registers }),
          },
  };
  return JSON.stringify(inputs);
}
