import { z } from 'zod';

/** Section `accounts` of the configuration. */
export const AccountsConfig = z.strictObject({
  /** Sent as `X-API-Key`; opens everything. Absent: nobody is admin by key. */
  adminApiKey: z.string().min(16).max(1024).optional(),
});
export type AccountsConfig = z.infer<typeof AccountsConfig>;
