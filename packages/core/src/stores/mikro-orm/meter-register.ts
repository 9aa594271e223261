import { hash } from 'node:crypto';

/**
 * One register of one meter as `reading_interval` knows it, 32 hex digits: the first half of SHA-256(fingerprint ‖ register).
 * A fixed length keeps the exclusion constraint's index half as slow as the two columns it stands for. `known` is what a
 * group has worked out already: its readings are of few meters.
 */
export function meterRegisterOf(
  fingerprint: Uint8Array,
  register: string,
  known: Map<string, string>,
): string {
  const key = `${register}\0${Buffer.from(fingerprint.buffer, fingerprint.byteOffset, fingerprint.length).toString('latin1')}`;
  let found = known.get(key);
  if (found === undefined) {
    found = hash('sha256', Buffer.concat([fingerprint, Buffer.from(register)]), 'hex').slice(0, 32);
    known.set(key, found);
  }
  return found;
}

/** The same, of the columns of `of`. */
export const meterRegisterSql = (of: string): string =>
  `encode(substr(sha256(${of}.fingerprint || convert_to(${of}.register, 'UTF8')), 1, 16), 'hex')::uuid`;
