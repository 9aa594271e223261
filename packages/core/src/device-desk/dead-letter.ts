import { createHash } from 'node:crypto';

/** What came in and could not be used. */
export interface DeadLetter {
  /** Digits; grows with every letter. */
  readonly id: string;
  readonly atMs: number;
  /** Topic, path or subject. */
  readonly source: string;
  readonly device?: string;
  readonly code: string;
  readonly detail: string;
  /** Bytes it had. */
  readonly size: number;
  /** SHA-256 of all of them; of what was larger than is taken, of those that were read. */
  readonly sha256: Uint8Array;
  /** The first ones, secrets blotted out. */
  readonly firstBytes: Uint8Array;
}
export type NewDeadLetter = Omit<DeadLetter, 'id'>;

/** As many of the first bytes as tell a person what it was. */
const FIRST_BYTES = 256;
const MAX_SOURCE = 512;
const MAX_DETAIL = 1_024;
const MAX_DEVICE = 256;

/** What must not be kept, as far as it can be told by its looks, cut off or not: the last group of each. */
const SECRETS: readonly RegExp[] = [
  // API and device keys.
  /()(wpk_[\w-]*\.?[\w-]*)/g,
  /(\b(?:bearer|basic)\s+)([\w.~+/=-]+)/gi,
  // Members whose name says it, in JSON, forms and messages of errors.
  /((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key)["']?\s*[:=]\s*)("(?:\\.|[^"\\])*|'[^']*|[^\s"',}&]+)/gi,
  /()(-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*)/g,
];

/** The letter as it is kept. Whatever it holds: nothing is too long or too odd to be told of. */
export function deadLetterOf(
  letter: {
    readonly source: string;
    readonly device?: string;
    readonly code: string;
    readonly detail: string;
    readonly bytes: Uint8Array;
    readonly size?: number;
  },
  atMs: number,
): NewDeadLetter {
  const bytes = Buffer.from(letter.bytes);
  // One character a byte: what is blotted out keeps its place and length.
  const seen = bytes.subarray(0, FIRST_BYTES).toString('latin1');
  return {
    atMs,
    source: shown(letter.source, MAX_SOURCE) || 'unknown',
    ...(letter.device === undefined ? {} : { device: shown(letter.device, MAX_DEVICE) }),
    code: /^[a-z][a-z0-9_]{0,63}$/.test(letter.code) ? letter.code : 'unknown',
    detail: shown(letter.detail, MAX_DETAIL),
    size: Math.max(bytes.length, letter.size ?? 0),
    sha256: createHash('sha256').update(bytes).digest(),
    firstBytes: Buffer.from(withoutSecrets(seen), 'latin1'),
  };
}

/** Text of somebody else's for a person: one line, no secret, not too long. */
function shown(text: string, maxLength: number): string {
  return withoutSecrets(text.slice(0, 4 * maxLength))
    .slice(0, maxLength)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '\u{fffd}');
}

function withoutSecrets(text: string): string {
  return SECRETS.reduce(
    (left, secret) =>
      left.replace(secret, (_, before: string, found: string) => before + '*'.repeat(found.length)),
    text,
  );
}
