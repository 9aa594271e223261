/** Longest origin in UTF-16 units; it becomes a line of every checkpoint and a field of every signed message. */
export const MAX_ORIGIN_LENGTH = 256;

/**
 * True for a name a log may have: C2SP signed-note key names are not empty and hold no plus sign and no Unicode space;
 * control characters are refused too, because origins are lines of signed messages.
 */
export function isOrigin(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= MAX_ORIGIN_LENGTH &&
    !/[\p{White_Space}\p{Cc}\p{Cs}+]/u.test(text)
  );
}
