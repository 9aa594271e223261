import { z } from 'zod';

/** Longest id of an account, in characters. */
const MAX_ACCOUNT_LENGTH = 256;

/** Text a person reads and a log keeps: nothing in it that nobody sees. */
const visible = z
  .string()
  .min(1)
  .regex(/^[^\p{Cc}\p{Cf}\p{Cs}]*$/u, 'must not contain control or invisible characters');

export const AccountId = visible.max(MAX_ACCOUNT_LENGTH);
export const DisplayName = visible.max(128);
export const RoleName = z.enum(['admin', 'operator', 'auditor', 'owner', 'device']);
