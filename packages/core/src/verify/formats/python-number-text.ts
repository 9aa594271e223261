/** White space of Python's `str.isspace`; ECMAScript's `\s` differs in U+001C … U+001F, U+0085 and U+FEFF. */
const SPACE = /[\t-\r\u001c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/gu; // oxlint-disable-line no-control-regex
/** What C calls white space, which is all that counts at the ends. */
const OUTER_SPACE = /^[\t-\r ]+|[\t-\r ]+$/g;
const ASCII = /^\p{ASCII}*$/u;
const MISPLACED_UNDERSCORE = /(?<!\d)_|_(?!\d)/;

/**
 * The number that Python's `int()` and `float()` see in a text, in ASCII: decimal digits of every script are digits, outer white space
 * goes, and so do underscores between two digits. Undefined when an underscore stands elsewhere. In a text of ASCII alone U+001C … U+001F
 * are no white space (`_PyUnicode_TransformDecimalAndSpaceToASCII`, CPython 3).
 */
export function pythonNumberText(text: string): string | undefined {
  const ascii = ASCII.test(text) ? text : text.replace(SPACE, ' ').replace(/\p{Nd}/gu, asciiDigit);
  const number = ascii.replace(OUTER_SPACE, '');
  return MISPLACED_UNDERSCORE.test(number) ? undefined : number.replaceAll('_', '');
}

/** Decimal digits stand in the order of their values, ten after ten, in every script (Unicode 4.6). */
function asciiDigit(digit: string): string {
  const point = digit.codePointAt(0)!;
  let zero = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((point - zero) % 10);
}
