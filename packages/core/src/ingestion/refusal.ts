/**
 * Why a pure step refused an item. A value and not an exception: hostile input is the normal case here, and
 * an `Error` costs a stack trace.
 */
export class Refusal {
  constructor(
    /** A key of `VERDICT_CODES`, or the code of a `FormatError`. */
    readonly code: string,
    /** What was wrong, where, and what was got. Never repeats more than a few characters of the input. */
    readonly detail: string,
  ) {}
}

/** At most 40 characters of somebody's input, safe to put into a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
